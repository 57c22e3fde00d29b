"""The warm image worker: what comes back, what a hostile file can do there, and that the next file finds nothing of it."""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.errors import BadInput, FunctionError, Infra, LimitExceeded, TimedOut, ToolFailed
from functions.sandbox import IMAGE_LIMITS, call_worker, worker

HOSTILE = "tests.unit.functions.sandbox.hostile:"
Needs = Callable[[str], None]


def call(name: str, source: Path, out: Path, *, deadline_s: float = 20, **arguments: Any) -> dict[str, Any]:
    return call_worker(HOSTILE + name, arguments, source=source, out=out, deadline_s=deadline_s)


def test_it_reads_the_source_and_writes_the_output(source: Path, out: Path) -> None:
    call("count", source, out)
    assert (out / "made").read_bytes() == source.read_bytes()


def test_nothing_is_kept_from_one_file_to_the_next(source: Path, out: Path) -> None:
    assert [call("count", source, out)["calls"] for _ in range(3)] == [1, 1, 1]


def test_it_has_an_empty_environment(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJECT_STORE_URL", "http://key:secret@store")
    assert set(call("count", source, out)["environment"]) <= {"LC_CTYPE"}  # which Python sets itself


def test_our_errors_come_back_as_they_are(source: Path, out: Path) -> None:
    with pytest.raises(BadInput, match="cut short") as caught:
        call("complain", source, out, sentence="The picture is cut short.")
    assert caught.value.log_tail == "the last line"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("crash", ToolFailed),
        ("fork", ToolFailed),
        ("run", ToolFailed),
        ("allocate", LimitExceeded),
        ("one_large_file", LimitExceeded),
        ("many_files", LimitExceeded),
        ("no_such_function", Infra),
    ],
)
def test_what_it_must_not_do_fails_and_the_next_file_succeeds(
    tmp_path: Path, source: Path, out: Path, needs: Needs, name: str, error: type[FunctionError]
) -> None:
    needs("seccomp")
    with pytest.raises(error):
        call(name, source, out)
    assert not (out / "ran").exists()
    (tmp_path / "next").mkdir()
    assert call("count", source, tmp_path / "next")["calls"] == 1


def test_it_calls_nobody(source: Path, out: Path, needs: Needs) -> None:
    needs("seccomp")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(ToolFailed):
            call("connect", source, out, port=listener.getsockname()[1])
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("allocate", "more memory than the 2 GiB that"),
        ("spin", "more processor time than the 1 seconds that"),
        ("killed", "more memory than the machine has"),
        ("one_large_file", "larger than the 64 MiB that"),
        ("many_files", "at most 128 MiB are"),
    ],
)
def test_a_limits_sentence_says_which(source: Path, out: Path, needs: Needs, name: str, words: str) -> None:
    needs("seccomp")
    limits = replace(IMAGE_LIMITS, cpu_s=1 if name == "spin" else 30)
    with pytest.raises(LimitExceeded, match=words):
        call_worker(HOSTILE + name, {}, source=source, out=out, deadline_s=30, limits=limits)


def test_memory_is_a_setting(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("allocate", source, out, mib=600)["bytes"] == 600 << 20
    monkeypatch.setenv("MEDIA_MAX_MEMORY_BYTES", str(512 << 20))
    with pytest.raises(LimitExceeded, match="more memory than the 512 MiB that"):
        call("allocate", source, out, mib=600)


def test_it_reads_no_other_file(tmp_path: Path, source: Path, out: Path, needs: Needs) -> None:
    needs("landlock")
    (tmp_path / "secret").write_text("another tenant's")
    for path in (tmp_path / "secret", Path("/etc/passwd"), Path("/proc/self/environ")):
        with pytest.raises(ToolFailed):
            call("read", source, out, path=str(path))


def test_it_writes_nowhere_else(tmp_path: Path, source: Path, out: Path, needs: Needs) -> None:
    needs("landlock")
    for path in (source, tmp_path / "new", Path("/tmp/darkroom-escaped")):
        with pytest.raises(ToolFailed):
            call("write", source, out, path=str(path))
        assert not path.exists() or path.read_bytes() == b"hostile bytes"


def test_it_cannot_end_the_worker_that_forked_it(source: Path, out: Path, needs: Needs) -> None:
    needs("landlock")
    with pytest.raises(ToolFailed):
        call("kill_parent", source, out)


def test_root_is_dropped(source: Path, out: Path, needs: Needs) -> None:
    needs("uid")
    if os.geteuid() == 0:
        assert call("count", source, out)["uid"] != 0


def test_the_deadline_ends_it_and_the_next_file_succeeds(source: Path, out: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut):
        call("spin", source, out, deadline_s=0.5)
    assert time.monotonic() - began < 5
    assert call("count", source, out)["calls"] == 1


def test_a_worker_that_was_killed_is_replaced(source: Path, out: Path) -> None:
    call("count", source, out)
    process = worker._worker._process
    assert process
    os.kill(process.pid, signal.SIGKILL)
    assert call("count", source, out)["calls"] == 1


def test_it_ends_with_the_server() -> None:
    mine = worker.ImageWorker()
    mine.warm([])
    process = mine._process
    assert process
    assert process.stdin
    process.stdin.close()  # what the kernel does for a server that is gone
    assert process.wait(timeout=20) == 0
