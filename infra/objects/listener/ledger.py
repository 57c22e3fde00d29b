"""Which version of each object in the media bucket has been announced: a small SQLite file, so that memory stays bounded and a restart
announces nothing twice. Losing it announces everything once more, which is harmless."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path


class Announced:
    """Key → ETag. Each call opens the file anew, so it may come from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS announced (key TEXT PRIMARY KEY, etag TEXT NOT NULL) WITHOUT ROWID")

    def mark(self, key: str, etag: str) -> None:
        with closing(self._connect()) as db, db:
            db.execute("INSERT INTO announced VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET etag = excluded.etag", (key, etag))

    def forget(self, keys: Iterable[str]) -> None:
        with closing(self._connect()) as db, db:
            db.executemany("DELETE FROM announced WHERE key = ?", ((key,) for key in keys))

    def etag(self, key: str) -> str | None:
        with closing(self._connect()) as db:
            row = db.execute("SELECT etag FROM announced WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def entries(self) -> Iterator[tuple[str, str]]:
        """All of them in the order of keys, which is the store's: SQLite compares text as UTF-8 bytes."""
        with closing(self._connect()) as db:
            yield from db.execute("SELECT key, etag FROM announced ORDER BY key")

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        return db
