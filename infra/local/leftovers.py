"""Ends what a killed platform left running: a gunicorn that still sees its workers off, a worker in the middle of a long request.

They are known by their scratch folder, which no other process has for its TMPDIR. Linux (/proc).
"""

import contextlib
import os
import signal
from pathlib import Path


def processes_under(scratch: Path) -> list[int]:
    """Pids of all processes, children of ours and theirs, that were started with a scratch folder under `scratch`."""
    mark = f"TMPDIR={scratch}/".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it ended while we looked, or is another user's
            if any(entry.startswith(mark) for entry in environ.read_bytes().split(b"\0")):
                found.append(int(environ.parent.name))
    return found


def end_leftovers(scratch: Path) -> None:
    """SIGKILL to each. Only for who holds the folder."""
    for pid in processes_under(scratch):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
