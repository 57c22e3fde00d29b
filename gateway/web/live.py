"""Live status as server-sent events: of one job until it has ended, or of all that is new with a tenant.

However many watch, a process asks the ledger twice a second, once for all of them, and not at all while nobody watches. A client too slow
for every change gets the newest. Who may watch what is the caller's business.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from sqlalchemy import select

from gateway.documents import JobDocument
from gateway.domain.states import LIVE_TASKS
from gateway.service.changes import fingerprints
from gateway.service.errors import Busy
from gateway.service.queries import Presigner, job_document, job_documents
from gateway.store.database import Database, DatabaseUnavailable
from gateway.store.tables import JobRow
from gateway.web.news import Follower, News, Read, event

log = logging.getLogger(__name__)

POLL_S = 0.5
KEEP_ALIVE_S = 15.0
RETRY_MS = 2000
LONGEST_S = 600.0
"""A tenant's stream ends by then; the browser comes again, and shows its key again."""


class Watcher:
    """One client's wait for news of one job. `seen` is the fingerprint of what it was last told."""

    def __init__(self, job_id: str, seen: str | None) -> None:
        self.job_id, self.seen = job_id, seen
        self._newest: JobDocument | None = None
        self._rung = threading.Event()
        self.closed = False

    def tell(self, document: JobDocument, fingerprint: str) -> None:
        self._newest, self.seen = document, fingerprint
        self._rung.set()

    def close(self) -> None:
        self.closed = True
        self._rung.set()

    def wait(self, seconds: float) -> JobDocument | None:
        """The newest document, or None where there is none in time or the process ends."""
        self._rung.wait(seconds)
        self._rung.clear()
        newest, self._newest = self._newest, None
        return newest


class Live:
    """The watchers of one process. `running` is asked whether it goes on; when not, every stream ends."""

    def __init__(self, database: Database, presigner: Presigner, read_stats: Read, *, max_watchers: int) -> None:
        self._database, self._presigner, self._read_stats, self._max = database, presigner, read_stats, max_watchers
        self._watchers: set[Watcher] = set()
        self._followers: set[Follower] = set()
        self._news: dict[str, News] = {}
        self._lock = threading.Lock()
        self._polls = False
        self.running: Callable[[], bool] = lambda: True

    def stream(self, tenant: str, job_id: str) -> Iterator[str]:
        """The job's events, as text.

        Raises:
            NotFound, Gone; Busy: too many watch already.
        """
        self._check_room()
        with self._database.transaction() as session:
            seen = fingerprints(session, [job_id]).get(job_id)  # first: what changes in between is told again
            document = job_document(session, tenant, job_id, self._presigner)
        return self._events(Watcher(job_id, seen), document)

    def follow(self, tenant: str, *, with_stats: bool) -> Iterator[str]:
        """A tenant's news, as text: `hello` once changes are told, then whatever changes from there on.

        Raises:
            Busy: too many watch already; DatabaseUnavailable.
        """
        self._check_room()
        with self._lock:
            news = self._news.get(tenant)
        if news is None:
            news = News(tenant, self._database, self._presigner, self._read_stats)
        return self._tell(Follower(tenant, with_stats=with_stats), news)

    def _check_room(self) -> None:
        with self._lock:
            if len(self._watchers) + len(self._followers) >= self._max:
                raise Busy("Too many follow live right now; poll, or try again.")

    def _tell(self, follower: Follower, news: News) -> Iterator[str]:
        with self._lock:
            self._followers.add(follower)
            self._news.setdefault(follower.tenant, news)
            self._start()
        ends_s = time.monotonic() + LONGEST_S
        try:
            yield f"retry: {RETRY_MS}\n\n{event('hello', '{}')}"
            while not follower.closed and time.monotonic() < ends_s:
                yield follower.wait(KEEP_ALIVE_S) or ": still here\n\n"
        finally:
            with self._lock:
                self._followers.discard(follower)

    def _start(self) -> None:
        """The caller holds the lock."""
        if not self._polls:
            self._polls = True
            threading.Thread(target=self._poll_on, name="live", daemon=True).start()

    def _events(self, watcher: Watcher, document: JobDocument | None) -> Iterator[str]:
        with self._lock:
            self._watchers.add(watcher)
            self._start()
        try:
            yield f"retry: {RETRY_MS}\n\n"
            while not watcher.closed:
                yield event("job", document) if document is not None else ": still here\n\n"
                if document is not None and document.state not in LIVE_TASKS:
                    return
                document = watcher.wait(KEEP_ALIVE_S)
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def _poll_on(self) -> None:
        while True:
            with self._lock:
                watchers, followers = list(self._watchers), list(self._followers)
                followed = {follower.tenant for follower in followers}
                self._news = {tenant: news for tenant, news in self._news.items() if tenant in followed}
                if not watchers and not followers:
                    self._polls = False
                    return
            looks = [partial(self._poll, watchers)] if watchers else []
            for tenant in followed:
                looks.append(partial(self._look, tenant, with_stats=any(one.with_stats for one in followers if one.tenant == tenant)))
            _each(looks)
            if not self.running():
                for watcher in watchers:
                    watcher.close()
                for follower in followers:
                    follower.close()
            time.sleep(POLL_S)

    def _look(self, tenant: str, *, with_stats: bool) -> None:
        news = self._news[tenant].look(with_stats=with_stats)
        with self._lock:  # whoever has come meanwhile is told, too: its lists may be older than this look
            followers = [follower for follower in self._followers if follower.tenant == tenant]
        for follower in followers:
            follower.tell(news)

    def _poll(self, watchers: Iterable[Watcher]) -> None:
        of: dict[str, list[Watcher]] = defaultdict(list)
        for watcher in watchers:
            of[watcher.job_id].append(watcher)
        with self._database.transaction() as session:
            prints = fingerprints(session, of)
            changed = [job for job, found in prints.items() if any(watcher.seen != found for watcher in of[job])]
            jobs = session.scalars(select(JobRow).where(JobRow.id.in_(changed))).all() if changed else []
            documents = {document.job_id: document for document in job_documents(session, jobs, self._presigner)} if jobs else {}
        for job_id, document in documents.items():
            for watcher in of[job_id]:
                if watcher.seen != prints[job_id]:
                    watcher.tell(document, prints[job_id])


def _each(looks: Iterable[Callable[[], None]]) -> None:
    """Takes every look: what one tenant's stumbles over is not the next one's loss."""
    for look in looks:
        try:
            look()
        except DatabaseUnavailable as exc:
            log.warning("live status waits for the database", extra={"reason": str(exc)})
            return
        except Exception:
            log.exception("live status has stumbled")
