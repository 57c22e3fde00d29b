"""Which instance gets a request, and who waits: the activator's and the queue-proxy's breaker in one.

`Slots` and `queue_limit` are pure; `Gate` adds the waiting. In-flight requests of one instance never exceed its concurrency; who waits is
served in order of arrival.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_ACTIVATOR_QUEUE = 10_000  # breakerQueueDepth of Knative's activator
_QUEUE_FACTOR = 10  # the queue-proxy waits with 10 × containerConcurrency

T = TypeVar("T")


class QueueFull(Exception):
    """Too many requests wait already."""


def queue_limit(*, ready: int, max_scale: int, concurrency: int) -> int:
    """How many requests may wait.

    While more instances may come the activator holds them; once all are there (`ready` reached `max_scale`, 0 for no limit), their
    queue-proxies do, each 10 × `concurrency` (0: no limit, so nobody waits there).
    """
    if concurrency and max_scale and ready >= max_scale:
        return _QUEUE_FACTOR * concurrency * ready
    return _ACTIVATOR_QUEUE


class Slots(Generic[T]):
    """Counts what is in flight on each instance. A closed one takes nothing new, and is counted until it is forgotten."""

    def __init__(self, concurrency: int) -> None:
        self._limit = concurrency or math.inf
        self._in_flight: dict[T, int] = {}
        self._open: set[T] = set()

    @property
    def open_count(self) -> int:
        return len(self._open)

    def open(self, key: T) -> None:
        self._in_flight[key] = 0
        self._open.add(key)

    def close(self, key: T) -> None:
        self._open.discard(key)

    def forget(self, key: T) -> None:
        self._open.discard(key)
        self._in_flight.pop(key, None)

    def take(self) -> T | None:
        """The least busy open instance with room, one more in flight on it now; None when there is none."""
        key = min(self._open, key=self._in_flight.__getitem__, default=None)
        if key is None or self._in_flight[key] >= self._limit:
            return None
        self._in_flight[key] += 1
        return key

    def give_back(self, key: T) -> None:
        """One less in flight."""
        if key in self._in_flight:
            self._in_flight[key] -= 1

    def in_flight(self, key: T) -> int:
        return self._in_flight.get(key, 0)


class Gate(Generic[T]):
    """Admits requests to instances, in order."""

    def __init__(self, concurrency: int, limit: Callable[[int], int]) -> None:
        """`limit`: ready instances → how many requests may wait."""
        self._slots: Slots[T] = Slots(concurrency)
        self._limit = limit
        self._waiting: deque[asyncio.Future[T]] = deque()

    @property
    def ready(self) -> int:
        return self._slots.open_count

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def busy(self, key: T) -> int:
        return self._slots.in_flight(key)

    def open(self, key: T) -> None:
        """An instance is ready."""
        self._slots.open(key)
        self._serve()

    def close(self, key: T) -> None:
        """An instance takes nothing new; `busy` says what it still has."""
        self._slots.close(key)

    def forget(self, key: T) -> None:
        """An instance has ended."""
        self._slots.forget(key)

    async def enter(self) -> T:
        """A slot on an instance, to be left with `leave`. Raises QueueFull. Waits without a limit of its own."""
        if not self._waiting and (key := self._slots.take()) is not None:
            return key
        if len(self._waiting) >= self._limit(self.ready):
            raise QueueFull
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn came while it was being cancelled
                self.leave(turn.result())
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def leave(self, key: T) -> None:
        self._slots.give_back(key)
        self._serve()

    def _serve(self) -> None:
        while self._waiting and (key := self._slots.take()) is not None:
            turn = self._waiting.popleft()
            if turn.cancelled():
                self._slots.give_back(key)
            else:
                turn.set_result(key)
