"""Controls: with its layers taken away each attempt succeeds; with one of them left, it does not."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from functions.errors import FunctionError, TimedOut
from functions.sandbox import IMAGE_LIMITS, Limits, active_layers, call_worker, run_tool, tool
from tests.hostile.attempts import ATTEMPTS
from tests.hostile.canary import Canary
from tests.hostile.test_probes import PYTHON, forked_by, got
from tests.hostile.wiring import without


@pytest.fixture(autouse=True)
def _as_root() -> None:
    if os.geteuid() != 0 or not all(active_layers().values()):
        assert not os.environ.get("CI"), "CI must have all layers"
        pytest.skip("what succeeds without a layer is told as root, with all layers there")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_without_its_layers_it_succeeds(tmp_path: Path, canary: Canary, name: str) -> None:
    with without(*ATTEMPTS[name].stopped_by):
        assert got(ATTEMPTS[name], tmp_path / "out", canary)


LAST = [(name, layer) for name, attempt in ATTEMPTS.items() if len(attempt.stopped_by) > 1 for layer in attempt.stopped_by]


@pytest.mark.parametrize(("name", "left"), LAST)
def test_one_layer_alone_is_enough(tmp_path: Path, canary: Canary, name: str, left: str) -> None:
    with without(*(layer for layer in ATTEMPTS[name].stopped_by if layer != left)):
        assert not got(ATTEMPTS[name], tmp_path / "out", canary)


FROM_A_PICTURE = {
    "read": ("landlock",),
    "run": ("landlock", "seccomp"),
    "fork": ("seccomp", "uid"),
    "connect": ("seccomp", "network", "landlock"),
    "many_files": ("quota",),
}
"""The same inside a picture: functions for the image worker, and the layers each of which alone is enough."""


def denied(name: str, folder: Path, canary: Canary) -> str | None:
    """The failure that it ends with; None where it gets what it wants."""
    arguments = {"read": {"path": str(canary.text)}, "connect": {"port": int(canary.url.rsplit(":", 1)[1])}}.get(name, {})
    limits = Limits(cpu_s=30, processes=32, output_bytes=IMAGE_LIMITS.output_bytes)
    source, out = folder / "source", folder / "out"
    out.mkdir()
    source.write_bytes(b"x")
    try:
        call_worker(f"tests.unit.functions.sandbox.hostile:{name}", arguments, source=source, out=out, deadline_s=30, limits=limits)
    except FunctionError as exc:
        return None if (out / "ran").exists() else type(exc).__name__
    return None


@pytest.mark.parametrize("name", FROM_A_PICTURE)
def test_it_succeeds_from_a_picture_too(tmp_path: Path, canary: Canary, name: str) -> None:
    assert denied(name, tmp_path / "elsewhere", canary) == ("LimitExceeded" if name == "many_files" else "ToolFailed")
    canary.assert_silent()
    (tmp_path / "open").mkdir()
    with without(*FROM_A_PICTURE[name]):
        assert denied(name, tmp_path / "open", canary) is None
    assert canary.called() == (name == "connect")


LAST_OF_A_PICTURE = [(name, layer) for name, layers in FROM_A_PICTURE.items() if len(layers) > 1 for layer in layers]


@pytest.mark.parametrize(("name", "left"), LAST_OF_A_PICTURE)
def test_one_layer_alone_is_enough_for_a_picture(tmp_path: Path, canary: Canary, name: str, left: str) -> None:
    with without(*(layer for layer in FROM_A_PICTURE[name] if layer != left)):
        assert denied(name, tmp_path / "elsewhere", canary) == "ToolFailed"
    canary.assert_silent()


@pytest.mark.parametrize("program", ["a tool", "a picture"])
def test_killing_only_the_process_leaves_what_it_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """The process group."""
    monkeypatch.setattr(tool, "kill_group", lambda process: process.kill())
    with without("seccomp", "group"):
        forked = forked_by(program, tmp_path)
    os.kill(forked, signal.SIGKILL)  # or there is nobody of that number


@pytest.mark.parametrize("more", [{"deadline_s": 0.5}, {"deadline_s": 20, "silence_s": 0.5, "on_line": lambda line: False}])
def test_without_the_watch_nothing_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, object]) -> None:
    argv = [*PYTHON, "import time; time.sleep(3)"]
    began = time.monotonic()
    with pytest.raises(TimedOut):
        run_tool(argv, read=[Path(sys.base_prefix)], write=tmp_path, limits=Limits(), **more)  # type: ignore[arg-type] # a table's values
    assert time.monotonic() - began < 2.9
    monkeypatch.setattr(tool._Watch, "_check", lambda self: None)
    assert run_tool(argv, read=[Path(sys.base_prefix)], write=tmp_path, limits=Limits(), **more).seconds >= 3  # type: ignore[arg-type]
