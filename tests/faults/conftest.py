"""One system that is broken again and again, and a clip whose transcode takes a moment.

FAULT_SEED (1) chooses the moments, FAULT_ROUNDS (1) how long each scene goes on.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Postgres, Rig, postgres
from tests.faults.scene import Scene
from tests.media import clip as make_clip

SEED = int(os.environ.get("FAULT_SEED", "1"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))


@pytest.fixture(scope="session")
def rounds() -> int:
    return ROUNDS


@pytest.fixture(scope="package")
def own_server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="package")
def rig(tmp_path_factory: pytest.TempPathFactory, own_server: Postgres) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("faults")
    one = Rig(folder, own_server.new_database("faults"))
    try:
        one.start()
        yield one
    finally:
        one.end()


@pytest.fixture
def scene(rig: Rig, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Scene]]:
    yield lambda name: Scene(rig, name, SEED)
    rig.disarm()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of 480 by 270: a second or two of work."""
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", seconds=10, size_px=(480, 270))


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of it: longer than a request may take here, so its transcode is a Job."""
    return make_clip(tmp_path_factory.mktemp("long") / "long.mp4", seconds=30, size_px=(480, 270))
