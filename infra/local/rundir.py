"""The data folder while a platform runs on it: one holder at a time, and a file in `run` for whoever looks for its addresses."""

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.local.errors import LocalPlatformError
from infra.local.leftovers import end_leftovers


class RunFolder:
    """`DIR/run`, held from `hold` to `release`."""

    def __init__(self, data: Path, published: str = "platform.json") -> None:
        """`published`: the name of the file in `DIR/run` that says where everything is."""
        self._folder = data / "run"
        self._published = self._folder / published
        self._lock: int | None = None

    @property
    def scratch(self) -> Path:
        """Temporary folders of the processes; empty again when they have ended."""
        return self._folder / "tmp"

    def hold(self) -> None:
        """Take the folder, and clear what a killed holder left.

        Raises LocalPlatformError, with the holder's pid, when another platform has it.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise LocalPlatformError(f"a platform runs on {self._folder.parent} already, with pid {holder}") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        self.withdraw()
        end_leftovers(self.scratch)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def publish(self, content: Mapping[str, object]) -> None:
        """Write the file, whole or not at all."""
        draft = self._published.with_suffix(".new")
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(self._published)

    def withdraw(self) -> None:
        self._published.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the folder up. The lock file stays: removing it would let two holders lock two files of one name."""
        if self._lock is None:
            return
        self.withdraw()
        shutil.rmtree(self.scratch, ignore_errors=True)
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None
