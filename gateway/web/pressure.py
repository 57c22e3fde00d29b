"""Backpressure: what would take the gateway's memory or fill its queue is told to come again (429), before it does.

Disk is the store's own: it refuses originals while there is still room to finish what was accepted (507).
"""

import threading
import time
from collections import Counter
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
        self._places = settings.max_uploads
        self._places_of_one = (settings.max_uploads + 1) // 2
        self._held: Counter[str | None] = Counter()
        self._lock = threading.Lock()
        self._counted_s = float("-inf")
        self._queued = 0

    @contextmanager
    def uploading(self, key_id: str | None) -> Iterator[None]:
        """Holds one of the places for uploads. Half of them are the most that one key gets: slow as it is, others still upload.

        Args:
            key_id: whose it is; None where no keys are asked for, and nobody is told from anybody else.

        Raises:
            Busy: none is free, or none for this key, or the queue is full.
        """
        self.check_queue()
        self._take_place(key_id)
        try:
            yield
        finally:
            with self._lock:
                self._held[key_id] -= 1
                if not self._held[key_id]:
                    del self._held[key_id]

    def _take_place(self, key_id: str | None) -> None:
        with self._lock:
            if self._held.total() >= self._places:
                raise Busy("Too many uploads are under way; try again in a moment.")
            if key_id is not None and self._held[key_id] >= self._places_of_one:
                raise Busy(f"{self._places_of_one} uploads of this key are under way, and more at once are not taken.")
            self._held[key_id] += 1

    def check_queue(self) -> None:
        """Raises Busy where too many tasks wait already. Counted at most once a second, so the bound is not exact."""
        if time.monotonic() - self._counted_s > COUNTED_FOR_S:
            waiting = select(TaskRow.id).where(TaskRow.state == TaskState.QUEUED).limit(self._max_queued).subquery()
            with self._database.transaction() as session:
                self._queued = session.scalar(select(func.count()).select_from(waiting)) or 0
            self._counted_s = time.monotonic()
        if self._queued >= self._max_queued:
            raise Busy(f"{self._queued:,} tasks wait already, and more are not taken; try again later.")
