"""Controls: with its layers taken away each attempt succeeds; with one of them left, it does not."""

import os
import sys
import time
from pathlib import Path

import pytest

from functions.errors import FunctionError, TimedOut
from functions.sandbox import IMAGE_LIMITS, Limits, active_layers, call_worker, run_tool, tool
from tests.hostile.attempts import ATTEMPTS
from tests.hostile.canary import Canary
from tests.hostile.test_probes import PYTHON, got
from tests.hostile.wiring import without

IN_A_PICTURE = "tests.unit.functions.sandbox.hostile:"


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


@pytest.mark.parametrize(
    ("name", "arguments", "layer", "denied"),
    [
        ("read", {"path": "/etc/passwd"}, "landlock", "ToolFailed"),
        ("many_files", {}, "quota", "LimitExceeded"),
    ],
)
def test_the_same_inside_a_picture(tmp_path: Path, name: str, arguments: dict[str, str], layer: str, denied: str) -> None:
    limits = Limits(cpu_s=30, processes=64, output_bytes=IMAGE_LIMITS.output_bytes)
    (tmp_path / "source").write_bytes(b"x")
    for folder in ("held", "out"):
        (tmp_path / folder).mkdir()

    def call(out: str) -> None:
        call_worker(IN_A_PICTURE + name, arguments, source=tmp_path / "source", out=tmp_path / out, deadline_s=30, limits=limits)

    with pytest.raises(FunctionError) as caught:
        call("held")
    assert type(caught.value).__name__ == denied
    with without(layer):
        call("out")


@pytest.mark.parametrize("more", [{"deadline_s": 0.5}, {"deadline_s": 20, "silence_s": 0.5, "on_line": lambda line: False}])
def test_without_the_watch_nothing_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, object]) -> None:
    argv = [*PYTHON, "import time; time.sleep(3)"]
    began = time.monotonic()
    with pytest.raises(TimedOut):
        run_tool(argv, read=[Path(sys.base_prefix)], write=tmp_path, limits=Limits(), **more)  # type: ignore[arg-type] # a table's values
    assert time.monotonic() - began < 2.9
    monkeypatch.setattr(tool._Watch, "_check", lambda self: None)
    assert run_tool(argv, read=[Path(sys.base_prefix)], write=tmp_path, limits=Limits(), **more).seconds >= 3  # type: ignore[arg-type]
