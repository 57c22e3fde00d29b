"""Which layers hold on this machine: tried once, by a child that confines itself and says what worked."""

import functools
import json
import os
import subprocess

from functions.confine.layers import NAMES, MissingLayers
from functions.sandbox.child import kill_group, required, start
from functions.sandbox.limits import GIB


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


@functools.cache
def active_layers() -> dict[str, bool]:
    """The layers by name, each True if it holds here. A trial that fails counts as none."""
    trial = _trial()
    try:
        output, _ = trial.communicate(timeout=10)
        return {name: bool(held) for name, held in json.loads(output).items()}
    except (subprocess.TimeoutExpired, ValueError):
        kill_group(trial)
        return dict.fromkeys(NAMES, False)


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
