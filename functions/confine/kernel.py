"""System calls by number, for what Python has no name for. Linux on x86-64 and aarch64; elsewhere every call raises ENOSYS."""

import ctypes
import errno
import os
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 8, 22, 38, 47

_MACHINES = {"x86_64": 0, "amd64": 0, "aarch64": 1, "arm64": 1}
MACHINE = _MACHINES.get(os.uname().machine, -1) if sys.platform == "linux" else -1
"""The column of this machine in tables of system call numbers, -1 if there is none."""

_CALLS = {
    "capset": (126, 91),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "unshare": (272, 97),
}
_libc = ctypes.CDLL(None, use_errno=True) if MACHINE >= 0 else None


def call(name: str, *arguments: object) -> int:
    """One system call. Whole numbers are passed as long.

    Raises:
        OSError: what the kernel said.
    """
    if _libc is None:
        raise OSError(errno.ENOSYS, f"{name}: not on this system")
    wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in (_CALLS[name][MACHINE], *arguments)]
    return _checked(name, _libc.syscall(*wide))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2), with the rest of its five arguments zero.

    Raises:
        OSError: what the kernel said.
    """
    if _libc is None:
        raise OSError(errno.ENOSYS, "prctl: not on this system")
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked("prctl", _libc.prctl(ctypes.c_int(option), *padded))


def _checked(name: str, result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result
