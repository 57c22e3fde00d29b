"""seccomp-bpf: no new process, no socket, no look at others, no way round Landlock; see seccomp(2).

A list of what is refused, not of what is allowed: decoders differ in what they call from one libc to the next, and the paths and the
network are held by other layers. Threads stay possible (ffmpeg needs them): `clone` is refused without CLONE_THREAD, and `clone3`, whose
flags a filter cannot read, says ENOSYS so that libc falls back to `clone`.
"""

import ctypes
import errno
import struct

from functions.confine import kernel

_ARCHITECTURES = (0xC000003E, 0xC00000B7)  # AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64
_CLONE, _CLONE3, _CLONE_THREAD = (56, 220), (435, 435), 0x10000
_X32 = 0x40000000

_REFUSED = (  # (x86-64, aarch64), -1 where the machine has no such call
    # new processes, and leaving the group
    *((57, -1), (58, -1)),  # fork, vfork
    *((112, 157), (109, 154)),  # setsid, setpgid
    # the network
    *(
        (41, 198),
        (53, 199),
        (42, 203),
        (49, 200),
        (50, 201),
        (43, 202),
        (288, 242),
    ),  # socket, socketpair, connect, bind, listen, accept, accept4
    *((425, 425), (426, 426), (427, 427)),  # io_uring, which would do all that unseen
    # other processes
    *(
        (101, 117),
        (310, 270),
        (311, 271),
        (434, 434),
        (438, 438),
        (312, 272),
    ),  # ptrace, process_vm_readv, _writev, pidfd_open, _getfd, kcmp
    # ways around paths: file handles, memory files that can be run, mounts, roots, namespaces
    *((304, 265), (303, 264), (319, 279), (447, 447)),  # open_by_handle_at, name_to_handle_at, memfd_create, memfd_secret
    *((165, 40), (166, 39), (155, 41), (161, 51), (272, 97), (308, 268)),  # mount, umount2, pivot_root, chroot, unshare, setns
    *((428, 428), (429, 429), (430, 430), (432, 432), (442, 442)),  # open_tree, move_mount, fsopen, fsmount, mount_setattr
    *((133, -1), (259, 33)),  # mknod, mknodat
    # the kernel's soft spots
    *(
        (321, 280),
        (298, 241),
        (323, 282),
        (248, 217),
        (249, 218),
        (250, 219),
    ),  # bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl
    *(
        (175, 105),
        (313, 273),
        (176, 106),
        (246, 104),
        (320, 294),
        (169, 142),
    ),  # init_, finit_, delete_module, kexec_load, kexec_file_load, reboot
    *((167, 224), (103, 116), (135, 92), (154, -1)),  # swapon, syslog, personality, modify_ldt
)
_EXEC = ((59, 221), (322, 281))  # execve, execveat

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def program(machine: int, *, may_exec: bool) -> bytes:
    """The filter as BPF instructions (struct sock_filter, eight bytes each).

    Args:
        machine: a column of the tables: 0 is x86-64, 1 is aarch64.
        may_exec: for a launcher, which has yet to become the tool; Landlock then says what may run.
    """
    refused = [numbers[machine] for numbers in (*_REFUSED, *(() if may_exec else _EXEC)) if numbers[machine] >= 0]
    code = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_AT_LEAST, _X32, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        _instruction(_JUMP_EQUAL, _CLONE3[machine], 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        _instruction(_JUMP_EQUAL, _CLONE[machine], 0, 4),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, _CLONE_THREAD, 1, 0),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    for number in refused:
        code += [_instruction(_JUMP_EQUAL, number, 0, 1), _instruction(_RETURN, _ERRNO | errno.EPERM)]
    return b"".join([*code, _instruction(_RETURN, _ALLOW)])


def install(*, may_exec: bool) -> None:
    """Holds this process, and all that it becomes, to the filter. Needs no_new_privs.

    Raises:
        OSError: the kernel refused, or there is no table for this machine.
    """
    if kernel.MACHINE < 0:
        raise OSError(errno.ENOSYS, "seccomp: not on this system")
    code = program(kernel.MACHINE, may_exec=may_exec)
    filters = _Program(length=len(code) // 8, filter=code)
    kernel.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.addressof(filters))  # 2: SECCOMP_MODE_FILTER


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
