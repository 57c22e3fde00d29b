"""The contract suite against the stores that need no service."""

import pytest

from infra.objects.folder import FolderObjects
from infra.objects.memory import MemoryObjects
from infra.objects.port import Objects
from tests.unit.objects.contract import ObjectsContract, RealContract


class TestMemory(ObjectsContract, RealContract):
    @pytest.fixture
    def objects(self, memory: MemoryObjects) -> Objects:
        return memory


class TestFolder(ObjectsContract, RealContract):
    @pytest.fixture
    def objects(self, folder: FolderObjects) -> Objects:
        return folder
