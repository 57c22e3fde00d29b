"""One system for the whole run, and manifests to change.

ACCEPTANCE_URL names the gateway of a system that runs already, in containers or on a cluster, and DARKROOM_API_KEY a key. Then the
tests that need `darkroom up` itself are left out, which their marker `local` says, with the reason.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.system import REPOSITORY, Darkroom, is_free, running

ELSEWHERE = os.environ.get("ACCEPTANCE_URL", "").rstrip("/")
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


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Darkroom]:
    """One system for the whole folder, on port 8000 where that is free; a `System`, but with ACCEPTANCE_URL."""
    if ELSEWHERE:
        yield Darkroom(gateway=ELSEWHERE, key=os.environ.get("DARKROOM_API_KEY"))
        return
    with running(tmp_path_factory.mktemp("darkroom"), port=8000 if is_free(8000) else 0, SCAN_EVERY_S="5") as up:
        yield up


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A copy of knative/base for a test to change."""
    return Path(shutil.copytree(REPOSITORY / "knative" / "base", tmp_path / "base"))
