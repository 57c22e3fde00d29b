"""Files that outlive a power cut: bytes are on the disk before a name leads to them, and the name is before anybody is told. Linux."""

import os
from pathlib import Path


def write_synced(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Writes a file, one of that name anew, and brings its bytes to the disk. Its name is the folder's business: `sync_folder`.

    Args:
        mode: of a file that was not there, before the umask.

    Raises:
        OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk.

    Raises:
        OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
