"""The broker's memory in PostgreSQL: one row per unfinished delivery, one thread that writes, many changes per commit.

Callers on the event loop hand in inserts, settlements and loads; the thread takes all that have gathered, writes them
in one statement, hence one commit (only accepted events wait for the disk), then runs the loads, and calls back on the
loop in that order. One connection does everything and holds the advisory lock, so a broker that lost its place cannot
write either: no row needs a lock.

When the database is away, inserts fail at once with BrokerStoreUnavailable; settlements are kept and written as soon as
it is back. What a commit did that broke off midway is unknown: rows of a failed insert may turn up later.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence

from infra.local.broker import sql
from infra.local.broker.batch import Batch, Insert, Load, Page, Settle, Settlement
from infra.local.broker.records import Delivery
from infra.local.errors import BrokerAlreadyRunning, BrokerStoreUnavailable

_RETRY_S = 0.3
_LOCK_PATIENCE_S = 5.0


class Store:
    """The deliveries table behind its writer thread.

    Args:
        database_url: `postgresql://user@host:port/name`, or with `?host=/folder` for a Unix socket.
        on_inserted: called on the loop with rows just committed, before any other callback of that commit.
        on_recovered: called on the loop when the database is back after an outage, with what it then holds.
    """

    def __init__(
        self,
        database_url: str,
        on_inserted: Callable[[Sequence[Delivery]], None],
        on_recovered: Callable[[sql.Totals], None],
        log: logging.Logger,
    ) -> None:
        self._database_url = database_url
        self._on_inserted = on_inserted
        self._on_recovered = on_recovered
        self._log = log
        self._inbox: queue.SimpleQueue[Insert | Settle | Load | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="broker-store", daemon=True)
        self._connection: sql.Connection | None = None
        self._failing = False
        self._closing = False

    async def open(self) -> sql.Totals:
        """Connect, take the lock, create the tables; what earlier runs left is in the answer.

        Raises:
            BrokerStoreUnavailable: no connection.
            BrokerAlreadyRunning: another broker keeps the lock.
        """
        self._loop = asyncio.get_running_loop()
        totals = await asyncio.to_thread(self._first_connection)
        self._thread.start()
        return totals

    async def insert(self, deliveries: Sequence[Delivery]) -> None:
        """Return once the rows are committed.

        Raises:
            BrokerStoreUnavailable: they are not, as far as known.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._inbox.put(Insert(deliveries=deliveries, future=future))
        await future

    def settle(self, settlement: Settlement, then: Callable[[], None]) -> None:
        """Write what a try has changed, however long the database is away, then call back."""
        self._inbox.put(Settle(settlement=settlement, then=then))

    def load(self, trigger: str, owned: Collection[int], limit: int, then: Callable[[Page], None], otherwise: Callable[[], None]) -> None:
        """Read up to `limit` due deliveries of a trigger that are not `owned` in memory, the oldest first."""
        self._inbox.put(Load(trigger=trigger, owned=list(owned), limit=limit, then=then, otherwise=otherwise))

    async def close(self) -> None:
        """Write what was handed in, if the database is there, and disconnect. Unwritten settlements are delivered again."""
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _first_connection(self) -> sql.Totals:
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                self._connection = sql.Connection(self._database_url)
                return self._connection.totals()
            except BrokerAlreadyRunning:
                # A killed broker's connection may live on for a moment.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            except sql.ERRORS as exc:
                raise BrokerStoreUnavailable(f"the broker cannot use its database: {exc}") from exc

    def _run(self) -> None:
        kept: list[Settle] = []
        while not (self._closing and self._inbox.empty()):
            batch = self._gather(kept)
            try:
                pages, recovered = self._apply(batch)
            except Exception as exc:  # noqa: BLE001  a connection that broke off midway can raise anything; the thread must live
                kept = batch.settles
                self._disconnect(exc)
                self._tell(self._report_failure, batch, exc)
                if self._closing:
                    break
                time.sleep(_RETRY_S if not batch.inserts else 0)
            else:
                kept = []
                self._failing = False
                self._tell(self._report_success, batch, pages)
                if recovered is not None:
                    self._tell(self._report_recovery, recovered)
        if self._connection is not None:
            self._connection.close()

    def _gather(self, kept: list[Settle]) -> Batch:
        """What has come in, after a wait for the first; while the database is away the wait is short, to try it again."""
        batch = Batch(settles=list(kept))
        with contextlib.suppress(queue.Empty):
            item = self._inbox.get(timeout=_RETRY_S if self._failing else None)
            while item is not None:
                batch.add(item)
                if batch.is_full:
                    return batch
                item = self._inbox.get_nowait()
            self._closing = True
        return batch

    def _apply(self, batch: Batch) -> tuple[list[Page], sql.Totals | None]:
        if self._connection is None:
            self._connection = sql.Connection(self._database_url)
        rows = batch.new_rows()
        if rows or batch.settles:
            changes = [settle.settlement for settle in batch.settles]
            self._connection.write(
                inserted=rows,
                done_ids=[change.done_id for change in changes if change.done_id is not None],
                delayed=[(change.delayed, change.due_at_s) for change in changes if change.delayed is not None],
                lost=[change.lost for change in changes if change.lost is not None],
                synchronous=bool(batch.inserts),
            )
        pages = []
        for load in batch.loads:
            deliveries, next_due_s = self._connection.load(load.trigger, load.owned, load.limit)
            pages.append(Page(deliveries=deliveries, next_due_s=next_due_s))
        return pages, self._connection.totals() if self._failing else None

    def _disconnect(self, exc: Exception) -> None:
        if not self._failing:
            self._log.warning("broker: the database is away (%s); new events get 503 until it is back", exc)
        self._failing = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self._closing = True

    def _report_recovery(self, totals: sql.Totals) -> None:
        self._log.info("broker: the database is back")
        self._on_recovered(totals)

    def _report_success(self, batch: Batch, pages: Sequence[Page]) -> None:
        self._on_inserted(batch.new_rows())
        for insert in batch.inserts:
            if not insert.future.done():
                insert.future.set_result(None)
        for settle in batch.settles:
            settle.then()
        for load, page in zip(batch.loads, pages, strict=True):
            load.then(page)

    def _report_failure(self, batch: Batch, exc: Exception) -> None:
        for insert in batch.inserts:
            if not insert.future.done():
                insert.future.set_exception(BrokerStoreUnavailable(f"the event was not stored: {exc}"))
        for load in batch.loads:
            load.otherwise()
