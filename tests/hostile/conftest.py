"""One system for the whole folder, with short patience, and canaries."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.system import System, running
from tests.hostile.canary import Canary, canary_on

HEADER_S, SILENCE_S, GRACE_S, MAX_UPLOAD_BYTES = 2, 3, 8, 1 << 20


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`darkroom up`; all that is changed are settings that anybody may change."""
    deadlines = {"HEADER_DEADLINE_S": HEADER_S, "BODY_SILENCE_S": SILENCE_S, "BODY_GRACE_S": GRACE_S}
    bounds = {**deadlines, "MAX_UPLOAD_BYTES": MAX_UPLOAD_BYTES}
    with running(tmp_path_factory.mktemp("darkroom"), **{name: str(value) for name, value in bounds.items()}) as up:
        yield up


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    with canary_on(tmp_path / "elsewhere") as bird:
        yield bird
