"""One delivery: an event on its way to one Trigger's subscriber, or to its dead-letter sink."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.local.broker.event import Event


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A row of the store.

    id: unique in the store, rising with acceptance.
    trigger: `namespace/name`.
    attempt: number of the next try, from 0, counted anew for the dead-letter sink.
    dead_letter: the next try goes to the dead-letter sink.
    error: the attributes that tell the sink what went wrong.
    """

    id: int
    trigger: str
    event: Event
    attempt: int = 0
    dead_letter: bool = False
    error: Mapping[str, str] = field(default_factory=dict)
