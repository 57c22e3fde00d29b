"""One tenant's news as server-sent events: the jobs and media that changed, and the statistics. When to look is `gateway.web.live`'s.

What somebody is likely to look at is watched, a bounded number: `gateway.service.changes` says which. A change is read and written out
once, however many follow.
"""

import threading
import time
from collections.abc import Callable, Mapping

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.documents import StatsDocument
from gateway.domain.states import LIVE_TASKS
from gateway.service.changes import fingerprints, recent_jobs, recent_media
from gateway.service.queries import Presigner, job_documents, media_document
from gateway.store.database import Database
from gateway.store.tables import JobRow, MediaRow

STATS_EVERY_S = 1.0
STATS_SHARE = 20
"""Statistics take at most one part in so many of the time: the more there is to count, the rarer."""

Read = Callable[[str], StatsDocument]


def event(kind: str, document: BaseModel | str) -> str:
    """One server-sent event; `document` is a model, or JSON already."""
    data = document if isinstance(document, str) else document.model_dump_json(by_alias=True)
    return f"event: {kind}\ndata: {data}\n\n"


class Follower:
    """One client of a tenant's news. What it has not fetched yet is replaced by what is newer."""

    def __init__(self, tenant: str, *, with_stats: bool) -> None:
        self.tenant, self.with_stats = tenant, with_stats
        self._waiting: dict[str, str] = {}
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self.closed = False

    def tell(self, news: Mapping[str, str]) -> None:
        with self._lock:
            self._waiting.update({about: text for about, text in news.items() if self.with_stats or about != "stats"})
            if self._waiting:
                self._rung.set()

    def close(self) -> None:
        self.closed = True
        self._rung.set()

    def wait(self, seconds: float) -> str:
        """What is new, as text; empty where nothing is in time."""
        self._rung.wait(seconds)
        with self._lock:
            self._rung.clear()
            told, self._waiting = "".join(self._waiting.values()), {}
        return told


class News:
    """What one tenant's followers have been told. Safe for use by many threads."""

    def __init__(self, tenant: str, database: Database, presigner: Presigner, read_stats: Read) -> None:
        self._tenant, self._database, self._presigner, self._read_stats = tenant, database, presigner, read_stats
        self._jobs: dict[str, str] = {}
        self._media: dict[str, str] = {}
        self._next_stats_s = 0.0
        self._lock = threading.Lock()
        self._changes(tell=False)  # what is there now is no news: whoever begins to follow reads it

    def look(self, *, with_stats: bool) -> dict[str, str]:
        """What has changed since the last look: an event for each job and media, and the statistics when their time has come.

        Raises:
            DatabaseUnavailable.
        """
        with self._lock:
            told = self._stats() if with_stats and time.monotonic() >= self._next_stats_s else {}
            return told | self._changes()

    def _stats(self) -> dict[str, str]:
        began_s = time.monotonic()
        document = self._read_stats(self._tenant)
        ended_s = time.monotonic()
        self._next_stats_s = ended_s + max(STATS_EVERY_S, STATS_SHARE * (ended_s - began_s))
        return {"stats": event("stats", document)}

    def _changes(self, *, tell: bool = True) -> dict[str, str]:
        with self._database.transaction() as session:
            watched = recent_jobs(session, self._tenant) | {job for job, print_ in self._jobs.items() if _lives(print_)}
            jobs, media = fingerprints(session, watched), recent_media(session, self._tenant)
            news = self._told(session, _differ(jobs, self._jobs), _differ(media, self._media)) if tell else {}
        self._jobs, self._media = jobs, media
        return news

    def _told(self, session: Session, jobs: set[str], media: set[str]) -> dict[str, str]:
        """Jobs of a deleted media are no news any more; that it was deleted is."""
        news: dict[str, str] = {}
        if media:
            rows = session.scalars(select(MediaRow).where(MediaRow.id.in_(media)))
            news = {f"media {row.id}": _media_event(row) for row in rows}
        if jobs:
            living = select(JobRow).join(MediaRow, MediaRow.id == JobRow.media_id).where(MediaRow.deleted_at.is_(None))
            changed = session.scalars(living.where(JobRow.id.in_(jobs))).all()
            news |= {f"job {one.job_id}": event("job", one) for one in job_documents(session, changed, self._presigner)}
        return news


def _differ(now: Mapping[str, str], before: Mapping[str, str]) -> set[str]:
    return {one for one, print_ in now.items() if before.get(one) != print_}


def _lives(print_: str) -> bool:
    return print_.split("|", 1)[0] in LIVE_TASKS


def _media_event(row: MediaRow) -> str:
    return event("media", media_document(row)) if row.deleted_at is None else event("deleted", f'{{"media_id":"{row.id}"}}')
