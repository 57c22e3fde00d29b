"""One bounded log file for each process slot: `logs/thumbnail-0.log`, and `.1` for what went before."""

import os
import re
import shutil
from pathlib import Path

_MAX_BYTES = 8 * 2**20
_TAIL_BYTES = 4096
_EXCEPTION = re.compile(r"[\w.]+(Error|Exception|NotFound)\b: ")  # gunicorn adds lines of its own after it


class LogFolder:
    """Children append to their files themselves, so a line is on disk even when the platform is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.log*"):
            old.unlink()

    def path(self, slot: str) -> Path:
        return self._folder / f"{slot}.log"

    def open(self, slot: str) -> int:
        """A file descriptor to append to; the caller closes it."""
        return os.open(self.path(slot), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)

    def note(self, slot: str, sentence: str) -> None:
        """The platform's own word in a process's log, where people will look first."""
        with self.path(slot).open("a") as file:
            file.write(f"[platform] {sentence}\n")

    def trim(self) -> None:
        """Move what is over the limit aside. The writers go on in the emptied file; a line written in between may be lost."""
        for path in self._folder.glob("*.log"):
            if path.stat().st_size > _MAX_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)

    def last_line(self, slot: str) -> str:
        """What it said last: the last line that names an exception, else the last one at all. For a reason in one sentence."""
        try:
            with self.path(slot).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in reversed(lines) if line.strip()]
        return next(filter(_EXCEPTION.match, said), said[0] if said else "")[:200]
