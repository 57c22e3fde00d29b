"""A private folder for one attempt, gone when its block ends; and what a killed process left is swept at the next one's start.

Its process keeps each folder itself locked, from its making to its end: whoever can take the lock may remove the folder, however much of it
is there. A lock file in it would not do: a process killed while it makes or removes the folder leaves one without, for good.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "darkroom-attempt-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
    with _locked(parent.resolve()):  # so that no sweep comes between making and locking
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = os.open(folder, _FOLDER)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        folder.chmod(0o711)  # the sandbox's uid passes through, and lists nothing
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
    with _locked(parent.resolve()):
        for folder in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError), _locked(folder, fcntl.LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Holds a folder's lock; `LOCK_NB`: raises BlockingIOError where somebody else has it. A dead process holds none."""
    fd = os.open(folder, _FOLDER)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(fd)
