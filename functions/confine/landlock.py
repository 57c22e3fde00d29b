"""Landlock: which paths may be read, run and written, and no TCP at all. See landlock(7) and the kernel's userspace-api/landlock.rst.

A path that is opened before `restrict` stays open; nothing widens the rules again.
"""

import ctypes
import os

from functions.confine import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_REG, TRUNCATE = 1 << 7, 1 << 8, 1 << 14
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
_READ = READ_FILE | READ_DIR
_WRITE = _READ | WRITE_FILE | REMOVE_FILE | REMOVE_DIR | MAKE_DIR | MAKE_REG | TRUNCATE

_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # rights known to each ABI; 5 and later: IOCTL_DEV is the last
_NET_ABI, _SCOPE_ABI = 4, 6
_CREATE_VERSION, _RULE_PATH_BENEATH = 1, 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    try:
        return kernel.call("landlock_create_ruleset", None, 0, _CREATE_VERSION)
    except OSError:
        return 0


def restrict(*, read: list[str], execute: list[str], write: list[str]) -> None:
    """Leaves this process, and all that it starts, only these paths. Needs no_new_privs. A path that does not exist is skipped.

    Args:
        read: files, or folders with all that is in them.
        execute: files to read and to run.
        write: files to write, folders to write and read in.

    Raises:
        OSError: the kernel has no Landlock, or refused.
    """
    version = abi()
    handled = (1 << _FS_BITS.get(min(version, 5), 0)) - 1
    attributes = _Ruleset(fs=handled, net=0b11 if version >= _NET_ABI else 0, scoped=0b11 if version >= _SCOPE_ABI else 0)
    size = 8 if version < _NET_ABI else 16 if version < _SCOPE_ABI else 24
    ruleset = kernel.call("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    try:
        for paths, rights in ((read, _READ), (execute, READ_FILE | EXECUTE), (write, _WRITE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        kernel.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        rule = _PathBeneath(allowed=allowed, parent=parent)
        kernel.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
