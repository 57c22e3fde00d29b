"""Room on a folder store's disk. Originals are refused before it is full, so that what was accepted can still be finished, and the
database, which often shares the disk, can still write."""

import os
from pathlib import Path

from infra.objects.folder_errors import storing
from infra.objects.port import StoreFull

KEPT_FREE_PART = 0.05
KEPT_FREE_MAX_BYTES = 512 * 2**20


def floor_bytes(disk_bytes: int) -> int:
    """How much stays free on a disk of this size: 5 %, but no more than 512 MiB."""
    return min(int(disk_bytes * KEPT_FREE_PART), KEPT_FREE_MAX_BYTES)


def demand_room(folder: Path) -> None:
    """Raises StoreFull where the folder's disk has less room than it keeps free."""
    with storing():
        disk = os.statvfs(folder)
    free_bytes = disk.f_bavail * disk.f_frsize
    if free_bytes < (floor := floor_bytes(disk.f_blocks * disk.f_frsize)):
        raise StoreFull(f"The object store has {free_bytes:,} bytes left and keeps {floor:,} free for what it has already accepted.")
