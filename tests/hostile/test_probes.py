"""A child that was taken over, in the sandbox as it is: everything is denied."""

import os
import sys
from pathlib import Path

import pytest

from functions.errors import LimitExceeded
from functions.sandbox import active_layers, run_tool
from tests.hostile.attempts import ATTEMPTS, Attempt
from tests.hostile.canary import Canary

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


def test_all_layers_hold_where_it_counts() -> None:
    if os.environ.get("CI"):
        assert all(active_layers().values()), active_layers()
