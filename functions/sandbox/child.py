"""Starting a child of ours: a bare interpreter, an empty environment, a process group of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_ROOT = str(Path(__file__).resolve().parents[2])
_BARE = ("-I", "-S", "-E")
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1")


def required() -> bool:
    """The setting SANDBOX_REQUIRED: `all` makes a missing layer fatal."""
    return os.environ.get("SANDBOX_REQUIRED", "") == "all"


def loaders() -> list[str]:
    """The dynamic loaders, which the kernel runs before any program."""
    return [path for path in _LOADERS if Path(path).exists()]


def start(
    module: str,
    argument: str,
    *,
    bare: bool,
    stdin: int = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `functions.confine.{module}` with one argument. `bare` leaves out site-packages, and the media limits from the environment."""
    boot = f"import sys; sys.path.insert(0, {_ROOT!r}); from functions.confine.{module} import main; main()"
    return subprocess.Popen(
        [sys.executable, *(_BARE if bare else ("-I",)), "-c", boot, argument],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={} if bare else {name: value for name, value in os.environ.items() if name.startswith("MEDIA_")},
        cwd=cwd,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills a child with all of its group, and reaps it if it is ours to reap."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(ChildProcessError, subprocess.TimeoutExpired):
        process.wait(timeout=5)


def paths(values: Sequence[Path]) -> list[str]:
    """Absolute paths as text: the child has another working directory."""
    return [str(value.absolute()) for value in values]
