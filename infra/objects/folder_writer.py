"""One object on its way into a folder store: bytes to a temporary file, hashed as they go by, then renamed into place.

Nothing half-written is ever visible, and what `commit` has returned outlives a power cut: the file is synced before the rename, the
folder after it. The notification's spool entry follows the rename; a crash between the two is healed by the listener's listing.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.objects.folder_errors import storing
from infra.objects.port import Stored, TooLarge
from infra.objects.streams import BLOCK_BYTES, Hasher


class FolderWriter:
    """A writer for one object. Leaving its `with` block without `commit` leaves nothing."""

    def __init__(
        self,
        temporary: Path,
        place: Callable[[Path], str],
        max_bytes: int | None,
        demand_room: Callable[[], None] = lambda: None,
        algorithm: str = "sha256",
    ) -> None:
        """Args:
        temporary: the file to write, on the store's own file system.
        place: moves the finished file to its key for good and returns its ETag.
        max_bytes: the longest that the object may get.
        demand_room: asked before every MiB; raises StoreFull where no more may be written.
        algorithm: of the digest, as hashlib names it.
        """
        self._temporary, self._place, self._max_bytes, self._demand_room = temporary, place, max_bytes, demand_room
        demand_room()
        self._hasher = Hasher(algorithm)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._bytes = 0
        with storing():
            self._fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes; small ones are gathered to steps of a MiB.

        Raises:
            StoreFull, TooLarge.
        """
        self._bytes += len(chunk)
        if self._max_bytes is not None and self._bytes > self._max_bytes:
            raise TooLarge(self._max_bytes)
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        if self._waiting_bytes >= BLOCK_BYTES:
            self._flush()

    def commit(self) -> Stored:
        """Makes the object visible, whole.

        Raises:
            StoreFull, BadKey: the key is a folder of other keys, or one of its own folders is an object.
        """
        digest = self.finish()
        etag = self._place(self._temporary)
        return Stored(etag=etag, bytes=self._bytes, sha256=digest)

    def finish(self) -> str:
        """Brings the temporary file to the disk, whole. Returns the digest of its bytes."""
        self._flush()
        with storing():
            stamp(self._fd)
            os.fsync(self._fd)
        return self._hasher.hexdigest()

    def _flush(self) -> None:
        block = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        self._hasher.update(block)
        view = memoryview(block)
        self._demand_room()
        with storing():
            while view:
                view = view[os.write(self._fd, view) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._hasher.close()
        os.close(self._fd)
        with suppress(FileNotFoundError):  # gone where it was renamed
            self._temporary.unlink()


def stamp(fd: int) -> None:
    """Gives a file the time of now, finer than the kernel's tick, so that two writes never share an ETag."""
    now_ns = time.time_ns()
    os.utime(fd, ns=(now_ns, now_ns))


def etag_of(found: os.stat_result) -> str:
    """The ETag of a file with these facts."""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"
