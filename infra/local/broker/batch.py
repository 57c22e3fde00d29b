"""What the event loop hands to the store's thread, and how much of it makes one commit."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from infra.local.broker.records import Delivery

MAX_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What one finished try changes: the row goes (with replies coming), waits for the next try, or is kept as lost."""

    done_id: int | None = None
    delayed: Delivery | None = None
    due_at_s: float = 0.0
    lost: tuple[int, str] | None = None
    replies: Sequence[Delivery] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Deliveries that are due, and when the next one will be (epoch seconds; None: none is waiting)."""

    deliveries: Sequence[Delivery]
    next_due_s: float | None


@dataclass(frozen=True, kw_only=True)
class Insert:
    """New rows; the future is done when they are committed, or failed when they are not."""

    deliveries: Sequence[Delivery]
    future: "asyncio.Future[None]"


@dataclass(frozen=True, kw_only=True)
class Settle:
    """A settlement, and what to do on the loop once it is written."""

    settlement: Settlement
    then: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Load:
    """A wish for due deliveries of one trigger that are not `owned` in memory."""

    trigger: str
    owned: Sequence[int]
    limit: int
    then: Callable[[Page], None]
    otherwise: Callable[[], None]


@dataclass(kw_only=True)
class Batch:
    """All that gathered while the last commit was under way."""

    inserts: list[Insert] = field(default_factory=list)
    settles: list[Settle] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)

    def add(self, item: Insert | Settle | Load) -> None:
        if isinstance(item, Insert):
            self.inserts.append(item)
        elif isinstance(item, Settle):
            self.settles.append(item)
        else:
            self.loads.append(item)

    @property
    def is_full(self) -> bool:
        return len(self.inserts) + len(self.settles) + len(self.loads) >= MAX_BATCH

    def new_rows(self) -> list[Delivery]:
        accepted = [row for insert in self.inserts for row in insert.deliveries]
        return accepted + [row for settle in self.settles for row in settle.settlement.replies]
