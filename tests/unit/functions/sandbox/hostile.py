"""What a decoder that was taken over might try, as functions for the image worker. Each returns what it got, or raises."""

import ctypes
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from functions.errors import BadInput

_calls = 0


def count(source: Path, out: Path) -> dict[str, Any]:
    global _calls  # noqa: PLW0603 - it is what a next file must not see
    _calls += 1
    (out / "made").write_bytes(source.read_bytes())
    return {"calls": _calls, "uid": os.getuid(), "environment": dict(os.environ)}


def complain(source: Path, out: Path, *, sentence: str) -> dict[str, Any]:
    raise BadInput(sentence, log_tail="the last line")


def read(source: Path, out: Path, *, path: str) -> dict[str, Any]:
    return {"text": Path(path).read_text()}


def write(source: Path, out: Path, *, path: str) -> dict[str, Any]:
    Path(path).write_text("x")
    return {}


def fork(source: Path, out: Path) -> dict[str, Any]:
    """As many as a bomb's beginning, which go on for a while."""
    for _ in range(100):
        if not os.fork():
            time.sleep(2)
            os._exit(0)
    return {}


def fork_and_stay(source: Path, out: Path) -> dict[str, Any]:
    """Leaves its child's pid in the output, and goes on."""
    pid = os.fork()
    if pid:
        (out / "pid").write_text(str(pid))
    time.sleep(60)
    os._exit(0)


def fork_and_go(source: Path, out: Path) -> dict[str, Any]:
    """The same, but ends at once; its child holds the worker's pipe no longer."""
    pid = os.fork()
    if pid:
        (out / "pid").write_text(str(pid))
        return {}
    os.closerange(3, 64)
    time.sleep(60)
    os._exit(0)


def run(source: Path, out: Path) -> dict[str, Any]:
    """What it runs tells, for nobody answers any more."""
    os.execv("/bin/touch", ["touch", str(out / "ran")])


def connect(source: Path, out: Path, *, port: int) -> dict[str, Any]:
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    return {}


def kill_parent(source: Path, out: Path) -> dict[str, Any]:
    os.kill(os.getppid(), 9)
    return {}


def crash(source: Path, out: Path) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def allocate(source: Path, out: Path, *, mib: int = 4096) -> dict[str, Any]:
    return {"bytes": len(bytearray(mib << 20))}


def spin(source: Path, out: Path) -> dict[str, Any]:
    while True:
        pass


def one_large_file(source: Path, out: Path) -> dict[str, Any]:
    (out / "large").write_bytes(bytes(65 << 20))
    return {}


def many_files(source: Path, out: Path) -> dict[str, Any]:
    for number in range(1000):
        (out / str(number)).write_bytes(bytes(1 << 20))
    return {}


def killed(source: Path, out: Path) -> dict[str, Any]:
    """As the kernel kills when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}
