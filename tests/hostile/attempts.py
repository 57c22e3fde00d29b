"""What a decoder that was taken over might try: a line or two of Python for the sandbox, which says `got` if it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.sandbox import Limits

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt.

    Attributes:
        code: may name {secret}, a file of another tenant's, and {port}, somebody's listener on loopback.
        stopped_by: layers of `tests.hostile.wiring`, each of which alone is enough. Without no_new_privs there is no Landlock either.
        limits: what the child may take.
    """

    code: str
    stopped_by: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)


ATTEMPTS: Mapping[str, Attempt] = {
    "read /etc/passwd": Attempt(code="open('/etc/passwd').read(); print('got')", stopped_by=("landlock",)),
    "read another's file": Attempt(code="open({secret!r}).read(); print('got')", stopped_by=("landlock",)),
    "list a folder": Attempt(code="import os; os.listdir('/'); print('got')", stopped_by=("landlock",)),
    "write elsewhere": Attempt(code="open({secret!r} + '.new', 'w').close(); print('got')", stopped_by=("landlock", "uid")),
    "run a program": Attempt(code="import os; os.execv('/bin/echo', ['echo', 'got'])", stopped_by=("landlock",)),
    "connect": Attempt(
        code="import _socket; _socket.socket().connect(('127.0.0.1', {port})); print('got')", stopped_by=("seccomp", "network", "landlock")
    ),
    "fork a bomb": Attempt(
        code="import os, time\nfor n in range(200):\n if not os.fork(): time.sleep(3); os._exit(0)\nprint('got', flush=True)",
        stopped_by=("seccomp", "uid"),
        limits=Limits(processes=32),
    ),
    "become root": Attempt(code="import os; os.setuid(0); print('got')", stopped_by=("uid",)),
    "signal the server": Attempt(code="import os; os.kill(os.getppid(), 0); print('got')", stopped_by=("landlock", "uid")),
    "gain by a program": Attempt(
        code="print('got' if 'NoNewPrivs:\\t0' in open('/proc/self/status').read() else 'held')", stopped_by=("no_new_privs",)
    ),
    "hide a program in memory": Attempt(code="import os; os.memfd_create('x'); print('got')", stopped_by=("seccomp",)),
    "fill the disk with a file": Attempt(
        code="import os\nwith open('large', 'wb') as file:\n for n in range(60): file.write(bytes(1 << 20))\nprint('got')",
        stopped_by=("rlimits", "quota"),
        limits=Limits(file_bytes=20 * MIB, output_bytes=40 * MIB),
    ),
    "fill the disk with files": Attempt(
        code="import time\nfor n in range(60): open(str(n), 'wb').write(bytes(1 << 20))\ntime.sleep(2)\nprint('got')",
        stopped_by=("quota",),
        limits=Limits(output_bytes=20 * MIB),
    ),
    "allocate 8 GiB": Attempt(code="import mmap; mmap.mmap(-1, 8 << 30); print('got')", stopped_by=("memory",)),
    "spin": Attempt(
        code="import time\nwhile time.process_time() < 3: pass\nprint('got')", stopped_by=("processor",), limits=Limits(cpu_s=1)
    ),
    "open everything": Attempt(code="files = [open('/dev/null') for _ in range(200)]; print('got')", stopped_by=("rlimits",)),
}
