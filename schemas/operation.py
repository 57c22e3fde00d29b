"""What an operation declares of itself: one record, in `functions/<name>/operation.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from schemas.events import Lane
from schemas.facts import Kind, MediaFacts
from schemas.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation.

    `version` changes when the same input would give other bytes on purpose; `deadline_s` is the longest that one attempt may work on the
    lane `request`, `job_deadline_s` on the lane `job` (None: it is never that long, and has no such lane); `predict_s` estimates one
    attempt's seconds of wall time from the probed facts.
    """

    name: str
    version: int
    kinds: frozenset[Kind]
    parameters: type[Parameters]
    deadline_s: int
    predict_s: Callable[[Parameters, MediaFacts], float]
    aliases: Mapping[str, Parameters] = field(default_factory=dict)
    named_by_clients: bool = True
    job_deadline_s: int | None = None

    def longest_s(self, lane: Lane) -> int | None:
        """The longest that one attempt may work on this lane; None where the operation has no such lane."""
        return self.deadline_s if lane is Lane.REQUEST else self.job_deadline_s


def seconds(value: float) -> Callable[[Parameters, MediaFacts], float]:
    """A prediction for work that takes about as long whatever the media."""
    return lambda _parameters, _facts: value
