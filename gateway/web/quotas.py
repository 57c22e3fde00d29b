"""What one key may take of a process at once: requests a second, and requests under way. And of the day: bytes (`gateway.service.quotas`).

Rate and concurrency are counted in memory, each process for itself: n processes let n times as much through. They keep one client from
the others' share of a process, which is what a process can run out of; a quota that has to hold as a sum is in the ledger.
Where nobody needs a key, nobody is counted.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator

from flask import Flask, Response, g, request
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from gateway.domain.access import Principal
from gateway.service.errors import Busy
from gateway.service.quotas import spend_bytes
from gateway.settings import Settings
from gateway.web.context import the_gateway, the_principal

WINDOW_S = 10
STEP_BYTES = 8 << 20


class Quotas:
    """The keys' shares of one process."""

    def __init__(self, settings: Settings) -> None:
        self._rate = RateLimitItemPerSecond(settings.key_requests_per_s * WINDOW_S, WINDOW_S)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._most_at_once = settings.key_concurrency
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, key_id: str) -> None:
        """One more request of this key; `leave` ends it.

        Raises:
            Busy: it makes too many.
        """
        if not self._limiter.hit(self._rate, key_id):
            free_at = self._limiter.get_window_stats(self._rate, key_id).reset_time
            raise Busy(
                f"This key may make {self._rate.amount} requests in {WINDOW_S} s; it made more.", retry_after_s=free_at - time.time()
            )
        with self._lock:
            if self._under_way[key_id] >= self._most_at_once:
                raise Busy(f"{self._most_at_once} requests of this key are under way, and more at once are not taken.")
            self._under_way[key_id] += 1

    def leave(self, key_id: str) -> None:
        with self._lock:
            self._under_way[key_id] -= 1
            if not self._under_way[key_id]:
                del self._under_way[key_id]


def install(app: Flask, settings: Settings) -> None:
    """A request's place is free again once it was answered; that of a stream, once the stream has ended."""
    app.extensions["darkroom.quotas"] = Quotas(settings)
    app.after_request(_streams_go_on)
    app.teardown_request(_leave)


def enter(app: Flask, principal: Principal) -> None:
    """Raises Busy."""
    if principal.key_id is not None:
        quotas: Quotas = app.extensions["darkroom.quotas"]
        quotas.enter(principal.key_id)
        g.leave_quota = lambda: quotas.leave(principal.key_id or "")


def spend(size_bytes: int) -> None:
    """Counts bytes against the caller's day. Raises Busy."""
    key_id = the_principal().key_id
    if key_id is not None:
        gateway = the_gateway()
        with gateway.database.transaction() as session:
            spend_bytes(session, key_id, size_bytes, bytes_per_day=gateway.settings.key_bytes_per_day)


def metered(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """An upload's chunks: what was declared is counted before the first, the rest as it comes.

    Raises:
        Busy: here, or while the chunks come.
    """
    declared_bytes = request.content_length or 0
    spend(declared_bytes)
    return _metered(chunks, declared_bytes)


def _metered(chunks: Iterator[bytes], paid_bytes: int) -> Iterator[bytes]:
    came_bytes = 0
    for chunk in chunks:
        came_bytes += len(chunk)
        if came_bytes > paid_bytes:
            spend(STEP_BYTES)
            paid_bytes += STEP_BYTES
        yield chunk


def _streams_go_on(response: Response) -> Response:
    if response.is_streamed and (leave := g.pop("leave_quota", None)) is not None:
        response.call_on_close(leave)
    return response


def _leave(_exc: BaseException | None) -> None:
    if (leave := g.pop("leave_quota", None)) is not None:
        leave()
