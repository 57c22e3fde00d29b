"""All layers, in the one order that works, each tried and none assumed: says which hold."""

import os
import resource
import signal

from functions.confine import identity, kernel, landlock, seccomp

NAMES = ("process_group", "no_new_privs", "rlimits", "landlock", "seccomp", "network", "uid")
_SYSTEM_LIBRARIES = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"]
_DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]


class MissingLayers(Exception):
    """Layers that were demanded are not there."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"missing sandbox layers: {', '.join(missing)}")
        self.missing = missing


def confine(
    *,
    read: list[str],
    execute: list[str],
    write: list[str],
    rlimits: dict[str, int],
    processes: int | None,
    namespaces: dict[str, bool],
    parent: int,
    may_exec: bool,
    required: bool,
) -> dict[str, bool]:
    """Confines this process for good.

    Args:
        read, execute, write: see `landlock.restrict`; system libraries may be read besides.
        rlimits: by their names in `resource`, without RLIMIT_.
        processes: RLIMIT_NPROC, set only where processes are counted for this child alone; threads count.
        namespaces: what `identity.new_namespaces` said, here or in the parent.
        parent: the pid whose death ends this process.
        may_exec: see `seccomp.program`.
        required: a missing layer raises.

    Raises:
        MissingLayers: one is missing and they are required.
    """
    held = {**dict.fromkeys(NAMES, False), **namespaces}
    held["process_group"] = os.getpgrp() == os.getpid()
    dropped = identity.drop_root(own=write, keep_reading=landlock.abi() > 0)
    if not dropped and held["uid"]:
        identity.keep_capabilities()
    held["uid"] = held["uid"] or dropped
    held["no_new_privs"] = _works(kernel.prctl, kernel.PR_SET_NO_NEW_PRIVS, 1)
    _works(kernel.prctl, kernel.PR_SET_PDEATHSIG, int(signal.SIGKILL))  # after the uid: a change of it clears this
    if os.getppid() != parent:
        os._exit(1)
    try:
        landlock.restrict(read=[*_SYSTEM_LIBRARIES, *_DEVICES, *read], execute=execute, write=["/dev/null", *write])
        held["landlock"] = True
    except OSError:
        held["landlock"] = False
    held["rlimits"] = _limit({**rlimits, "CORE": 0} | ({"NPROC": processes} if processes is not None and held["uid"] else {}))
    try:
        seccomp.install(may_exec=may_exec)
        held["seccomp"] = True
    except OSError:
        held["seccomp"] = False
    missing = [name for name, there in held.items() if not there]
    if required and missing:
        raise MissingLayers(missing)
    return held


def _works(function, *arguments: int) -> bool:  # type: ignore[no-untyped-def] # typing costs a launcher 4 ms
    try:
        function(*arguments)
    except OSError:
        return False
    return True


def _limit(rlimits: dict[str, int]) -> bool:
    held = True
    for name, value in rlimits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (bounded, bounded))
        except (OSError, ValueError):  # macOS has no RLIMIT_AS that can be set
            held = False
    return held
