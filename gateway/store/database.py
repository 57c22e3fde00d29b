"""Engine, sessions and wake-ups. Opened by whoever wires a process together, never at import."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pg8000.native
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

log = logging.getLogger(__name__)

OUTBOX_CHANNEL = "darkroom_outbox"


class DatabaseUnavailable(Exception):
    """PostgreSQL does not answer, or turned the transaction away: nothing was changed, try again later."""


def driver_url(url: str) -> URL:
    """A PostgreSQL URL as pg8000 wants it: libpq's `?host=/folder` becomes the socket in that folder."""
    parts = make_url(url).set(drivername="postgresql+pg8000")
    folder = parts.query.get("host")
    if not isinstance(folder, str) or not folder.startswith("/"):
        return parts
    socket = f"{folder}/.s.PGSQL.{parts.query.get('port', parts.port or 5432)}"
    return parts.difference_update_query(["host", "port"]).update_query_dict({"unix_sock": socket})


class Unstorable(ValueError):
    """PostgreSQL refuses a value, such as NUL in a text or a number out of range: nothing was changed, and no later try will do better."""


class Database:
    """The ledger's sessions. Safe for use by many threads."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self._url = driver_url(url)
        self.engine: Engine = create_engine(
            self._url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=10, pool_pre_ping=False, pool_recycle=1800
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back by any exception.

        Raises:
            DatabaseUnavailable: for what a later try may cure: no connection, a deadlock, a serialization failure.
            Unstorable: for a value that PostgreSQL refuses.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except (OperationalError, InterfaceError, OSError) as exc:
            self.engine.dispose()
            raise DatabaseUnavailable(str(exc)[:300]) from exc
        except DBAPIError as exc:
            if _sqlstate(exc)[:2] in ("08", "40", "53", "57") or exc.connection_invalidated:
                raise DatabaseUnavailable(str(exc.orig)[:300]) from exc
            if _sqlstate(exc)[:2] == "22":  # data exception
                raise Unstorable(str(exc.orig)[:300]) from exc
            raise
        except SQLAlchemyError as exc:
            if type(exc).__name__ == "TimeoutError":  # the pool is exhausted
                raise DatabaseUnavailable(str(exc)[:300]) from exc
            raise

    def ready(self) -> None:
        """Returns if the ledger answers.

        Raises:
            DatabaseUnavailable.
        """
        with self.transaction() as session:
            session.execute(text("select 1"))

    def listen(self, wake: Event, stop: Event) -> None:
        """Sets `wake` on every NOTIFY of the outbox until `stop`; reconnects by itself. Runs in a thread of its own."""
        while not stop.is_set():
            try:
                self._listen_once(wake, stop)
            except Exception:
                log.warning("the outbox's wake-up line is down; polling goes on", exc_info=True)
                stop.wait(1)

    def _listen_once(self, wake: Event, stop: Event) -> None:
        parts = self._url
        unix = parts.query.get("unix_sock")
        connection = pg8000.native.Connection(
            parts.username or "postgres",
            host=parts.host or "localhost",
            port=parts.port or 5432,
            database=parts.database,
            password=parts.password,
            unix_sock=unix if isinstance(unix, str) else None,
        )
        try:
            connection.run(f"LISTEN {OUTBOX_CHANNEL}")
            wake.set()
            wait_for_notifications(connection, wake, stop)
        finally:
            connection.close()


def wait_for_notifications(connection: pg8000.native.Connection, wake: Event, stop: Event) -> None:
    """Blocks on the connection's socket; the server's word alone wakes it. A cheap query every 5 s tells a dead server from a quiet one."""
    import select

    sock = connection._usock
    checked = time.monotonic()
    while not stop.is_set():
        readable, _, _ = select.select([sock], [], [], 0.5)
        if readable or time.monotonic() - checked > 5:
            connection.run("SELECT 1")  # reads what has come, notifications included
            checked = time.monotonic()
        if connection.notifications:
            connection.notifications.clear()
            wake.set()


def _sqlstate(exc: DBAPIError) -> str:
    first = exc.orig.args[0] if exc.orig is not None and exc.orig.args else None
    return str(first.get("C", "")) if isinstance(first, dict) else ""
