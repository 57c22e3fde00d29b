"""Which layers hold on this machine: tried once, by a child that confines itself and says what worked."""

import functools
import json
import os
import subprocess
import threading
from collections.abc import Callable

from functions.confine.layers import NAMES, MissingLayers
from functions.sandbox.child import kill_group, required, start
from functions.sandbox.limits import GIB

_one_at_a_time = threading.Lock()


@functools.cache
def _trial() -> subprocess.Popen[bytes]:
    plan = {
        "argv": [],
        "read": [],
        "execute": [],
        "write": [],
        "rlimits": {"AS": 2 * GIB, "CPU": 60, "FSIZE": GIB, "NOFILE": 64},  # no settings: a wrong one must not keep a server from saying so
        "processes": 64,
        "parent": os.getpid(),
        "required": False,
    }
    return start("launch", json.dumps(plan), bare=True)


def active_layers() -> dict[str, bool]:
    """The layers by name, each True if it holds here. Waits for the trial; one that fails counts as none."""
    with _one_at_a_time:
        return _tried()


def when_known(tell: Callable[[dict[str, bool]], None]) -> None:
    """Calls `tell` with the layers once the trial has ended, in a thread of its own: nobody waits for it."""
    threading.Thread(target=lambda: tell(active_layers()), name="layers", daemon=True).start()


@functools.cache
def _tried() -> dict[str, bool]:
    trial = _trial()
    try:
        output, _ = trial.communicate(timeout=10)
        return {name: bool(held) for name, held in json.loads(output).items()}
    except (subprocess.TimeoutExpired, ValueError):
        kill_group(trial)
        return dict.fromkeys(NAMES, False)


def _forked() -> None:
    """In a server that loads its function and then forks, as functions-framework's does: whoever tries just now is a thread of the parent,
    which no child has, and the trial's answer is the parent's to read. The child tries for itself, once it is asked."""
    global _one_at_a_time  # noqa: PLW0603  (a lock cannot be released by who never took it)
    _one_at_a_time = threading.Lock()
    _trial.cache_clear()


os.register_at_fork(after_in_child=_forked)


def require_layers() -> None:
    """Begins the trial; with SANDBOX_REQUIRED=all waits for it.

    Raises:
        MissingLayers: some are required and missing.
    """
    _trial()
    if required():
        missing = [name for name, held in active_layers().items() if not held]
        if missing:
            raise MissingLayers(missing)
