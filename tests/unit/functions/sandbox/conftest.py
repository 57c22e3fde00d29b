"""Where sandboxed work happens, and what a test needs of this machine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.sandbox import active_layers


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"hostile bytes")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def needs() -> Callable[[str], None]:
    """Skips where a layer is missing; in CI all are required."""

    def check(layer: str) -> None:
        if not active_layers()[layer]:
            assert not os.environ.get("CI"), f"CI must have the sandbox layer {layer}"
            pytest.skip(f"no {layer} on this machine")

    return check
