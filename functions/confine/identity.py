"""Who the child is: a uid of its own, so that its processes are counted for it alone, and a network of its own with nothing in it.

Root drops to a uid that nobody else has. Anybody else makes a user namespace, in which processes are counted apart (Linux 5.14).
"""

import ctypes
import os

from functions.confine import kernel

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_FIRST_UID, _UIDS = 61184, 4336  # systemd's range for dynamic users; https://systemd.io/UIDS-GIDS
_CAPABILITIES_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_DAC_READ_SEARCH = 2  # CAP_DAC_READ_SEARCH: to reach a file through folders that are closed to others


def new_namespaces() -> dict[str, bool]:
    """A new network namespace, in a new user namespace unless root. Says whether the network is gone, and whether processes count apart."""
    root = os.geteuid() == 0
    uid, gid = os.geteuid(), os.getegid()
    try:
        kernel.call("unshare", _NEW_NETWORK if root else _NEW_USER | _NEW_NETWORK)
        if not root:
            for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
    except OSError:
        return {"network": False, "uid": False}
    return {"network": True, "uid": not root}


def drop_root(*, own: list[str], keep_reading: bool) -> bool:
    """Root becomes a uid that nobody else has. False where we are not root, or the uid cannot be had.

    Args:
        own: folders that become the new uid's, with what is in them.
        keep_reading: keeps CAP_DAC_READ_SEARCH, so that closed parent folders do not hide what Landlock allows. Only with Landlock.
    """
    if os.geteuid() != 0 or kernel.MACHINE < 0:
        return False
    uid = _FIRST_UID + os.getpid() % _UIDS
    try:
        for folder in own:
            _give(folder, uid)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
        os.setresuid(uid, uid, uid)
    except OSError:
        return False
    return keep_capabilities(1 << _DAC_READ_SEARCH if keep_reading else 0)


def keep_capabilities(mask: int = 0) -> bool:
    """Drops every capability but those of `mask`, which a program run later inherits."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    try:
        kernel.call("capset", ctypes.byref(header), ctypes.byref(data))
        for capability in range(41):
            if mask >> capability & 1:
                kernel.prctl(kernel.PR_CAP_AMBIENT, 2, capability)  # 2: PR_CAP_AMBIENT_RAISE
    except OSError:
        return False
    return True


def _give(folder: str, uid: int) -> None:
    os.chown(folder, uid, uid)
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(os.path.join(path, name), uid, uid, follow_symlinks=False)
