"""Where notifications go that nobody can read: a file of JSON lines and the log, since refusing one would block the store's queue."""

import json
import logging
import threading
from pathlib import Path

from schemas.envelope import now

_log = logging.getLogger(__name__)
MAX_FILE_BYTES = 8 * 1024 * 1024
_MAX_TEXT_CHARS = 16 * 1024


class Quarantine:
    """Counts and keeps. A full file or disk loses the text, never the count."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.count = 0

    def keep(self, text: str, reason: str) -> None:
        _log.error("Quarantined a notification: %s", reason)
        line = json.dumps({"time": now(), "reason": reason, "text": text[:_MAX_TEXT_CHARS]}) + "\n"
        with self._lock:
            self.count += 1
            try:
                with self._path.open("a", encoding="utf-8") as file:
                    if file.tell() + len(line) <= MAX_FILE_BYTES:
                        file.write(line)
            except OSError:
                _log.exception("The quarantine file cannot be written.")
