"""Stores with a listener before them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.objects.folder import FolderObjects
from infra.objects.listener.app import create_app
from infra.objects.memory import MemoryObjects
from tests.unit.objects.serving import free_socket, origin, serving

GATEWAY = "http://gateway.test:8000"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[FolderObjects]:
    """A folder store, served."""
    taken = free_socket()
    store = FolderObjects(tmp_path / "store", origin(taken))
    with serving(lambda: create_app(store, allowed_origin=GATEWAY), taken):
        yield store


@pytest.fixture
def memory() -> Iterator[MemoryObjects]:
    """A store in memory, served."""
    taken = free_socket()
    store = MemoryObjects(origin(taken))
    with serving(lambda: create_app(store), taken):
        yield store
