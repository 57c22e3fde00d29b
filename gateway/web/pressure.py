"""Backpressure: what would take the gateway's memory or fill its queue is told to come again (429), before it does.

Disk is the store's own: it refuses originals while there is still room to finish what was accepted (507).
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select

from gateway.domain.states import TaskState
from gateway.service.errors import Busy
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import TaskRow

COUNTED_FOR_S = 1.0


class Pressure:
    """One process's bounds: uploads at once, by memory; tasks that wait, by the queue of all processes."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._max_queued = database, settings.max_queued_tasks
        self._places = threading.BoundedSemaphore(settings.max_uploads)
        self._counted_s = float("-inf")
        self._queued = 0

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """Holds one of the places for uploads.

        Raises:
            Busy: none is free, or the queue is full.
        """
        self.check_queue()
        if not self._places.acquire(blocking=False):
            raise Busy("Too many uploads are under way; try again in a moment.")
        try:
            yield
        finally:
            self._places.release()

    def check_queue(self) -> None:
        """Raises Busy where too many tasks wait already. Counted at most once a second, so the bound is not exact."""
        if time.monotonic() - self._counted_s > COUNTED_FOR_S:
            waiting = select(TaskRow.id).where(TaskRow.state == TaskState.QUEUED).limit(self._max_queued).subquery()
            with self._database.transaction() as session:
                self._queued = session.scalar(select(func.count()).select_from(waiting)) or 0
            self._counted_s = time.monotonic()
        if self._queued >= self._max_queued:
            raise Busy(f"{self._queued:,} tasks wait already, and more are not taken; try again later.")
