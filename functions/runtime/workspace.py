"""A private folder for one attempt, gone when its block ends; and what a killed process left is swept at the next one's start.

Each folder holds a lock file that its process keeps locked: whoever can take the lock may remove the folder.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX, _LOCK = "darkroom-attempt-", "lock"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the original goes, and where outputs go."""

    source: Path
    out: Path


@contextmanager
def workspace(parent: Path) -> Iterator[Workspace]:
    """A fresh folder under `parent`, whose names say nothing of the media.

    Raises:
        OSError: it cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    folder.chmod(0o711)  # the sandbox's uid passes through, and lists nothing
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = folder / "out"
        out.mkdir()
        yield Workspace(source=folder / "source", out=out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def free_bytes(parent: Path) -> int:
    """What is free where workspaces are made."""
    return shutil.disk_usage(parent).free


def sweep(parent: Path) -> int:
    """Removes the folders of processes that are gone; says how many."""
    swept = 0
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
            finally:
                os.close(lock)
    return swept
