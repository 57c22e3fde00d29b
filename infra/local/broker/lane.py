"""One Trigger's queue: what is in memory, what waits in the store, and how many tries run at once.

A lane never holds up another one, and a delivery that waits for its next try holds no slot: it is a row with a time.
Memory is bounded: past READY_LIMIT deliveries stay in the store and are loaded as slots come free. All methods run on
the event loop; the store calls back in the order of its commits, on which the hand-over between memory and store relies:
while `_behind` is set, fresh deliveries are left to the load that is under way or still to come.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from infra.local.broker.batch import Page
from infra.local.broker.records import Delivery
from infra.local.broker.store import Store

MAX_IN_FLIGHT = 256
READY_LIMIT = 512
_RELOAD_BELOW = 128
_STORE_RETRY_S = 0.5
# asyncio takes longer timers badly; one that fires early only looks again.
_LONGEST_TIMER_S = 3600.0


class Lane:
    """Hands deliveries of one Trigger to `attempt`, which must settle each and then call `done`, `again` or `later`."""

    def __init__(self, trigger: str, store: Store, attempt: Callable[[Delivery], Awaitable[None]]) -> None:
        self._trigger = trigger
        self._store = store
        self._attempt = attempt
        self._ready: deque[Delivery] = deque()
        self._owned: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._behind = False
        self._loading = False
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, delivery: Delivery) -> None:
        """Take a delivery that was just committed, or leave it to the store when memory is full."""
        if self._behind or len(self._ready) >= READY_LIMIT:
            self._behind = True
        else:
            self._own(delivery)
        self.pump()

    def catch_up(self) -> None:
        """Look into the store: at start, after an outage, or because a row may be due."""
        self._behind = True
        self.pump()

    def done(self, delivery: Delivery) -> None:
        """The delivery has left the store."""
        self._owned.discard(delivery.id)

    def again(self, delivery: Delivery) -> None:
        """The delivery, as the store now has it, is due at once."""
        self._ready.append(delivery)
        self.pump()

    def later(self, delivery: Delivery, due_at_s: float) -> None:
        """The delivery waits in the store until then (epoch seconds)."""
        self._owned.discard(delivery.id)
        self._wake_at(due_at_s)

    async def stop(self, grace_s: float) -> None:
        """Start nothing new, give running tries some time, then abandon them: their rows stay as they are."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def pump(self) -> None:
        """Start what may start, and load what there is room for."""
        if self._stopped:
            return
        while self._ready and len(self._tasks) < MAX_IN_FLIGHT:
            task = asyncio.ensure_future(self._attempt(self._ready.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if self._behind and not self._loading and len(self._ready) < _RELOAD_BELOW:
            self._loading = True
            self._store.load(self._trigger, self._owned, READY_LIMIT, then=self._loaded, otherwise=self._not_loaded)

    def _own(self, delivery: Delivery) -> None:
        self._owned.add(delivery.id)
        self._ready.append(delivery)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self.pump()

    def _loaded(self, page: Page) -> None:
        self._loading = False
        self._behind = len(page.deliveries) == READY_LIMIT
        for delivery in page.deliveries:
            self._own(delivery)
        if page.next_due_s is not None:
            self._wake_at(page.next_due_s)
        self.pump()

    def _not_loaded(self) -> None:
        self._loading = False
        self._behind = True
        self._wake_at(time.time() + _STORE_RETRY_S)

    def _wake_at(self, due_at_s: float) -> None:
        if self._stopped:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + min(max(0.0, due_at_s - time.time()), _LONGEST_TIMER_S)
        if self._timer is not None and not self._timer.cancelled() and loop.time() < self._timer.when() <= when:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self.catch_up)
