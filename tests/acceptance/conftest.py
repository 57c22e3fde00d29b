"""One system for the whole run, and manifests to change.

ACCEPTANCE_URL names the gateway of a system that runs already, in containers or on a cluster, and DARKROOM_API_KEY a key. Then the
tests that need `darkroom up` itself are left out, which their marker `local` says, with the reason.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.real import RealParts, running_on_real_parts
from tests.acceptance.system import REPOSITORY, Darkroom, System, is_free, running

ELSEWHERE = os.environ.get("ACCEPTANCE_URL", "").rstrip("/")
TWICE = {"test_samples", "test_ways_in", "test_uploads_in_parts"}
_left_out: dict[str, list[str]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "local(reason): needs a system that `darkroom up` runs on this machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not ELSEWHERE:
        return
    local = {item: marker.args[0] for item in items if (marker := item.get_closest_marker("local"))}
    for item, reason in local.items():
        _left_out.setdefault(reason, []).append(item.name)
    config.hook.pytest_deselected(items=list(local))
    items[:] = [item for item in items if item not in local]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason, names in _left_out.items():
        terminalreporter.write_line(f"LEFT OUT, {reason}: {', '.join(names)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What clients see is shown twice: on the embedded parts, then on real ones."""
    twice = metafunc.module.__name__.rpartition(".")[2] in TWICE and metafunc.definition.get_closest_marker("local") is None
    if "system" in metafunc.fixturenames and not ELSEWHERE:
        metafunc.parametrize("system", ["embedded", "real"] if twice else ["embedded"], indirect=True, scope="package")


@pytest.fixture(scope="package")
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Darkroom]:
    """One system for the whole folder, on port 8000 where that is free; a `System`, but with ACCEPTANCE_URL."""
    if ELSEWHERE:
        yield Darkroom(gateway=ELSEWHERE, key=os.environ.get("DARKROOM_API_KEY"))
    elif request.param == "real":
        yield request.getfixturevalue("real")[0]
    else:
        with running(tmp_path_factory.mktemp("darkroom"), port=8000 if is_free(8000) else 0, SCAN_EVERY_S="5") as up:
            yield up


@pytest.fixture(scope="package")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, RealParts]]:
    """One system on PostgreSQL and MinIO. Skips where they are missing."""
    with running_on_real_parts(tmp_path_factory.mktemp("real")) as up:
        yield up


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A copy of knative/base for a test to change."""
    return Path(shutil.copytree(REPOSITORY / "knative" / "base", tmp_path / "base"))
