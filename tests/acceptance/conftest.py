"""One system for the whole run, and manifests to change."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.system import REPOSITORY, System, is_free, running


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for the whole folder, on port 8000 where that is free."""
    with running(tmp_path_factory.mktemp("darkroom"), port=8000 if is_free(8000) else 0, SCAN_EVERY_S="5") as up:
        yield up


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A copy of knative/base for a test to change."""
    return Path(shutil.copytree(REPOSITORY / "knative" / "base", tmp_path / "base"))
