"""One child process: a group of its own, a scratch folder of its own, and no life after the platform's.

Linux. The child gets SIGTERM when the platform dies (PR_SET_PDEATHSIG); whatever its group leaves behind is killed when it ends.
Whether it is ready is readiness.py's question, whether to start another one its owner's.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import LocalPlatformError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork: the child must not load anything


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to run and where: `scratch` is made for the process and removed with it."""

    argv: Sequence[str]
    env: Mapping[str, str]
    working_dir: Path
    scratch: Path


class Process:
    """A running child. Made by `spawn`."""

    def __init__(self, child: asyncio.subprocess.Process, scratch: Path) -> None:
        self._child, self._scratch = child, scratch
        self.pid = child.pid

    @property
    def returncode(self) -> int | None:
        return self._child.returncode

    async def wait(self) -> int:
        """Its exit status (negative: the signal), with its group and its scratch folder gone."""
        status = await self._child.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return status

    async def stop(self, grace_s: float) -> None:
        """SIGTERM to the process alone, so that a gunicorn master can see its workers off; after `grace_s` SIGKILL to the group."""
        with contextlib.suppress(ProcessLookupError):
            self._child.terminate()
        try:
            await asyncio.wait_for(self.wait(), grace_s)
        except TimeoutError:
            self.kill()
            await self.wait()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


async def spawn(launch: Launch, output: int) -> Process:
    """Start it, stdout and stderr to the file descriptor `output`.

    Raises LocalPlatformError when it cannot be started at all.
    """
    launch.scratch.mkdir(parents=True, exist_ok=True)
    argv = [find_program(launch.argv[0], launch.env.get("PATH", os.defpath)), *launch.argv[1:]]
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            env={**launch.env, "TMPDIR": str(launch.scratch)},
            cwd=launch.working_dir,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
            preexec_fn=_die_with(os.getpid()),
        )
    except OSError as exc:
        raise LocalPlatformError(f"cannot start {launch.argv[0]}: {exc}") from exc
    return Process(child, launch.scratch)


def find_program(name: str, path: str) -> str:
    """The program's file: beside the platform's own interpreter first, then on `path`.

    Raises LocalPlatformError when there is none.
    """
    if "/" in name:
        return name
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name, path=path)
    if found is None:
        raise LocalPlatformError(f"no program {name} beside {sys.executable} or on the PATH")
    return found


def _die_with(parent: int) -> Callable[[], None]:
    def in_child() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the platform died before the line above
            os._exit(1)

    return in_child
