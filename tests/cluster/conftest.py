"""A system on a cluster, which tests/cluster/run.sh has brought up; everywhere else these tests are skipped."""

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.system import Darkroom


@pytest.fixture(scope="session")
def cluster() -> None:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no cluster: KUBECONFIG names none")


@pytest.fixture(scope="session")
def system(cluster: None) -> Darkroom:
    if not os.environ.get("ACCEPTANCE_URL"):
        pytest.skip("no cluster: `make cluster-test` brings one what it needs")
    return Darkroom(gateway=os.environ["ACCEPTANCE_URL"], key=os.environ["DARKROOM_API_KEY"])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """One that nobody sent before."""
    path = tmp_path / "a.png"
    Image.frombytes("RGB", (120, 90), os.urandom(120 * 90 * 3)).save(path)
    return path
