"""A child that was taken over, in the sandbox as it is: everything is denied."""

import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from functions.errors import LimitExceeded, TimedOut
from functions.sandbox import Limits, active_layers, call_worker, run_tool
from tests.hostile.attempts import ATTEMPTS, Attempt
from tests.hostile.canary import Canary
from tests.hostile.wiring import without

PYTHON = [os.path.realpath(sys.executable), "-I", "-S", "-c"]


def got(attempt: Attempt, out: Path, canary: Canary) -> bool:
    """Whether the attempt succeeds."""
    out.mkdir()
    code = attempt.code.replace("{secret!r}", repr(str(canary.text))).replace("{port}", canary.url.rsplit(":", 1)[1])
    try:
        finished = run_tool([*PYTHON, code], read=[Path(sys.base_prefix)], write=out, limits=attempt.limits, deadline_s=20)
    except LimitExceeded:
        return False
    return b"got" in finished.stdout


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_is_denied(tmp_path: Path, canary: Canary, name: str) -> None:
    """By those layers that hold here; all of them must in CI."""
    attempt = ATTEMPTS[name]
    if not any(active_layers().get(layer, True) for layer in attempt.stopped_by):
        assert not os.environ.get("CI"), "CI must have all layers"
        pytest.skip(f"none of {attempt.stopped_by} on this machine")
    assert not got(attempt, tmp_path / "out", canary)
    canary.assert_silent()


def forked_by(program: str, folder: Path, *, goes: bool = False) -> int:
    """The pid of what a program forked before it met its deadline, or before it went."""
    source, out = folder / "source", folder / "out"
    source.write_bytes(b"x")
    out.mkdir()
    with nullcontext() if goes else pytest.raises(TimedOut):
        if program == "a tool":
            then = "os.close(1); os.close(2); time.sleep(60)"
            code = f"import os, time; pid = os.fork()\nif pid: open('pid', 'w').write(str(pid))\nif not pid or not {goes}: {then}"
            run_tool([*PYTHON, code], read=[Path(sys.base_prefix)], write=out, limits=Limits(), deadline_s=20 if goes else 2)
        else:
            name = f"tests.unit.functions.sandbox.hostile:{'fork_and_go' if goes else 'fork_and_stay'}"
            call_worker(name, {}, source=source, out=out, deadline_s=20 if goes else 4)
    return int((out / "pid").read_text())


@pytest.mark.parametrize("goes", [False, True], ids=["stays", "goes"])
@pytest.mark.parametrize("program", ["a tool", "a picture"])
def test_what_it_forked_ends_with_it(tmp_path: Path, program: str, goes: bool) -> None:
    """The process group, for a fork that no other layer prevents."""
    with without("seccomp"):
        forked = forked_by(program, tmp_path, goes=goes)
        for _ in range(100):
            if not _lives(forked):
                break
            time.sleep(0.05)
    assert not _lives(forked)


def _lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()  # a zombie waits for whoever adopted it
    except OSError:
        return False


def test_all_layers_hold_where_it_counts() -> None:
    if os.environ.get("CI"):
        assert all(active_layers().values()), active_layers()
