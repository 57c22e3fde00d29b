"""How much room a folder store keeps free, and for whom."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.objects.folder import FolderObjects
from infra.objects.port import StoreFull
from infra.objects.room import floor_bytes

MIB = 2**20


@pytest.mark.parametrize(
    ("disk_bytes", "floor"),
    [
        (100 * MIB, 5 * MIB),  # 5 %
        (10_240 * MIB, 512 * MIB),  # 5 % of 10 GiB is 512 MiB
        (1_000_000 * MIB, 512 * MIB),  # no more than that
        (0, 0),
    ],
)
def test_floor(disk_bytes: int, floor: int) -> None:
    assert floor_bytes(disk_bytes) == floor


def test_originals_are_refused_before_the_disk_is_full_and_outputs_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderObjects(tmp_path)
    free = [20 * MIB, 6 * MIB, 4 * MIB]  # of 100 MiB, 5 are kept: the first two steps of a MiB go through

    def statvfs(_path: object) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=free.pop(0) if len(free) > 1 else free[0], f_blocks=100 * MIB, f_frsize=1)

    monkeypatch.setattr(os, "statvfs", statvfs)
    with pytest.raises(StoreFull, match="keeps 5,242,880 free"):
        store.put("media", "long.mp4", [bytes(MIB)] * 5, content_type="video/mp4")
    with pytest.raises(StoreFull):
        store.put("media", "b.jpg", [b"x"], content_type="image/jpeg")
    assert list(store.list("media")) == []
    assert list((tmp_path / ".tmp").iterdir()) == []
    assert store.put("outputs", "o", [b"finished"], content_type="video/mp4").bytes == 8
