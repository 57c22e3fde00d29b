"""Running a program: what it gives back, its bounds, and what it cannot reach. The program is a bare Python, which can try everything."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.confine import kernel, seccomp
from functions.confine.launch import FAILED
from functions.errors import Infra, LimitExceeded, Stopped, TimedOut
from functions.sandbox import Finished, Limits, active_layers, child, run_tool

PYTHON = [os.path.realpath(sys.executable), "-I", "-S", "-c"]
Needs = Callable[[str], None]


def run(code: str, source: Path, out: Path, *, limits: Limits | None = None, deadline_s: float = 20, **more: Any) -> Finished:
    read = [source, Path(sys.base_prefix)]
    return run_tool([*PYTHON, code], read=read, write=out, limits=limits or Limits(), deadline_s=deadline_s, **more)


def test_it_gives_back_output_log_and_exit(source: Path, out: Path) -> None:
    code = f"import sys; print(open({str(source)!r}).read()); open('made', 'w').write('x'); print('why', file=sys.stderr); sys.exit(3)"
    finished = run(code, source, out)
    assert (finished.returncode, finished.stdout, finished.log_tail, finished.log_head) == (3, b"hostile bytes\n", "why\n", "why\n")
    assert (out / "made").read_text() == "x"


def test_of_a_long_log_the_beginning_and_the_end_stay(source: Path, out: Path) -> None:
    finished = run("import sys; [print(n, file=sys.stderr) for n in range(10_000)]", source, out)
    assert finished.log_head.startswith("0\n1\n")
    assert finished.log_tail.endswith("9998\n9999\n")
    assert len(finished.log_tail) == 4000


def test_lines_come_as_they_are_printed(source: Path, out: Path) -> None:
    lines: list[str] = []
    assert run("print('frame=1'); print('frame=2')", source, out, on_line=lines.append).stdout == b""
    assert lines == ["frame=1", "frame=2"]


def test_the_deadline_kills_it(source: Path, out: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="did not end"):
        run("import time; time.sleep(60)", source, out, deadline_s=0.5)
    assert time.monotonic() - began < 5


def test_silence_kills_it_and_lines_that_are_no_progress_are_silence(source: Path, out: Path) -> None:
    talk = "import time\nwhile True: print('frame=0', flush=True); time.sleep(0.05)"
    with pytest.raises(TimedOut, match="no progress"):
        run(talk, source, out, silence_s=0.5, on_line=lambda line: False)


def test_progress_keeps_it(source: Path, out: Path) -> None:
    talk = "import time\nfor n in range(8): print(n, flush=True); time.sleep(0.2)"
    assert run(talk, source, out, silence_s=1.2, on_line=lambda line: True).returncode == 0


def test_stop_kills_it(source: Path, out: Path) -> None:
    stop_at = time.monotonic() + 0.5
    with pytest.raises(Stopped):
        run("import time; time.sleep(60)", source, out, stopped=lambda: time.monotonic() > stop_at)


def test_it_leaves_no_process(source: Path, out: Path, needs: Needs) -> None:
    needs("uid")
    with pytest.raises(TimedOut):
        run("import time; time.sleep(61.25)", source, out, deadline_s=0.5)
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"61.25" in path.read_bytes() and path.parent.name != str(os.getpid())]
    assert left == []


@pytest.mark.parametrize(
    ("code", "limits", "words"),
    [
        ("while True: pass", Limits(cpu_s=1), "than the 1 seconds that"),
        ("open('large', 'wb').write(bytes(2 << 20))", Limits(file_bytes=1 << 20), "larger than the 1 MiB that"),
        (
            "[open(str(n), 'wb').write(bytes(1 << 20)) for n in range(200)]; import time; time.sleep(5)",
            Limits(output_bytes=10 << 20),
            "at most 10 MiB are",
        ),
        (
            "[open(str(n), 'wb').close() for n in range(3000)]; import time; time.sleep(5)",
            Limits(output_bytes=10 << 20),
            "at most 10 MiB are",
        ),
        ("import sys; print('Cannot allocate memory', file=sys.stderr); sys.exit(1)", Limits(), "than the 2 GiB that"),
        ("import os; os.kill(os.getpid(), 9)", Limits(), "than the machine has"),
    ],
    ids=["processor", "one file", "many files", "many empty files", "memory", "no memory"],
)
def test_a_limits_sentence_says_which(source: Path, out: Path, code: str, limits: Limits, words: str) -> None:
    signals = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); "  # Python ignores it
    with pytest.raises(LimitExceeded, match=words):
        run((signals if ":" not in code else "") + code, source, out, limits=limits)


def test_memory_has_a_limit(source: Path, out: Path) -> None:
    assert "MemoryError" in run("bytearray(3 << 30)", source, out).log_tail


def test_memory_is_a_setting_and_a_tool_may_have_it_more_than_once(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import mmap; mmap.mmap(-1, 600 << 20); print('got')"
    assert run(code, source, out).stdout == b"got\n"
    monkeypatch.setenv("MEDIA_MAX_MEMORY_BYTES", str(512 << 20))
    with pytest.raises(LimitExceeded, match="more memory than the 512 MiB that"):
        run(code, source, out)
    assert run(code, source, out, limits=Limits(memory_factor=2)).stdout == b"got\n"


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("landlock", "open('/etc/passwd')"),
        ("landlock", "open('/proc/1/environ')"),
        ("landlock", "import os; os.listdir('/')"),
        ("landlock", "open('/tmp/darkroom-escaped', 'w')"),
        ("landlock", "import os; os.symlink('/etc/passwd', 'link')"),
        ("landlock", "import os; os.execv('/bin/true', ['true'])"),
        ("seccomp", "import os; os.fork()"),
        ("seccomp", "import os; os.setsid()"),
        ("seccomp", "import _socket; _socket.socket()"),
        ("seccomp", "import os; os.memfd_create('x')"),
        ("uid", "import os; os.setuid(0)"),
        ("uid", "import os; os.chown('.', 0, 0)"),
    ],
)
def test_it_is_refused(source: Path, out: Path, needs: Needs, layer: str, code: str) -> None:
    needs(layer)
    finished = run(code, source, out)
    assert finished.returncode == 1
    assert "Error" in finished.log_tail


def test_the_network_namespace_is_empty(source: Path, out: Path, needs: Needs) -> None:
    needs("network")
    code = "import os, ctypes; print(os.readlink('/proc/self/ns/net'))"
    outside = os.readlink("/proc/self/ns/net")
    finished = run_tool([*PYTHON, code], read=[Path(sys.base_prefix), Path("/proc")], write=out, limits=Limits(), deadline_s=20)
    assert finished.stdout.decode().strip() not in ("", outside)


def test_threads_stay_possible(source: Path, out: Path) -> None:
    code = "import _thread, time; done = []; _thread.start_new_thread(done.append, (1,)); time.sleep(0.3); print(done)"
    assert run(code, source, out).stdout == b"[1]\n"


def test_a_program_that_is_not_there_is_our_fault(source: Path, out: Path) -> None:
    with pytest.raises(Infra):
        run_tool(["/no/such/program"], read=[], write=out, limits=Limits(), deadline_s=5)


def test_a_missing_layer_is_fatal_only_where_required(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_REQUIRED", "all")
    assert child.required()
    if all(active_layers().values()):
        assert run("print(1)", source, out).returncode == 0
    else:
        with pytest.raises(Infra, match="sandbox"):
            run("print(1)", source, out)


@pytest.mark.parametrize("machine", [0, 1])
def test_the_filter_is_well_formed(machine: int) -> None:
    code = seccomp.program(machine, may_exec=False)
    assert len(code) % 8 == 0
    assert len(code) // 8 <= 4096  # BPF_MAXINSNS
    assert len(seccomp.program(machine, may_exec=True)) == len(code) - 4 * 8  # execve and execveat: a test and a return each
    assert kernel.MACHINE in (-1, 0, 1)


def test_where_the_kernel_has_none_of_it_the_rest_still_holds(out: Path) -> None:
    """As on macOS: no system calls by number, so no Landlock, seccomp, namespaces or uid; the group and the limits stay."""
    plan = {"argv": [], "read": [], "execute": [], "write": [str(out)], "rlimits": Limits().rlimits(), "processes": 8}
    code = (
        "import os, sys; os.setpgid(0, 0); from functions.confine import kernel; kernel.MACHINE = -1; kernel._libc = None\n"
        "from functions.confine.launch import main; main()"
    )
    plan |= {"parent": os.getpid(), "required": False}
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code, json.dumps(plan)], capture_output=True, text=True, check=True, cwd=root)
    assert {name for name, held in json.loads(done.stdout).items() if held} == {"process_group", "rlimits"}
    demanding = [sys.executable, "-c", code, json.dumps({**plan, "required": True})]
    missing = subprocess.run(demanding, capture_output=True, text=True, check=False, cwd=root)
    assert missing.returncode == FAILED
    assert "missing sandbox layers" in missing.stderr
