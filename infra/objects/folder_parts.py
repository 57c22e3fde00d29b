"""Multipart uploads of a folder store: each a folder `.parts/{upload id}` with its parts as files, until they are one object.

A part's file is named `{number}-{md5}`, so that listing reads nothing; its md5 is its ETag, as S3's. Completion copies the parts, one after
the other, into a temporary file that is placed as any object is: whole or not at all, while the parts stay until that is done. The
object's ETag is the folder store's own, not S3's md5 of md5s. A process that is killed at any point leaves an upload that can be
completed again: the version that is about to be placed is noted first, and found to be there if it is.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from infra.durable import sync_folder, write_synced
from infra.objects.folder_errors import storing
from infra.objects.folder_writer import FolderWriter, etag_of, stamp
from infra.objects.parts import check_number, check_parts
from infra.objects.port import MAX_PART_BYTES, NoSuchUpload, Part

_UPLOAD_ID: Final = re.compile(r"[0-9a-f]{32}")
_PART: Final = re.compile(r"([0-9]{5})-([0-9a-f]{32})")
_ABOUT, _PLACING = "upload.json", "placing"
_COPY_BYTES: Final = 8 * 1024 * 1024
_ASK_AGAIN_S: Final = 0.05


class FolderParts:
    """The multipart uploads below one folder."""

    def __init__(self, folder: Path, temporary: Callable[[], Path]) -> None:
        """Args:
        folder: `.parts`, which is there.
        temporary: a new name on the same file system, where what is left behind is swept.
        """
        self._folder, self._temporary = folder, temporary

    def create(self, bucket: str, key: str) -> str:
        upload_id = secrets.token_hex(16)
        draft = self._temporary()
        with storing():
            draft.mkdir()
            write_synced(draft / _ABOUT, json.dumps([bucket, key]).encode())
            draft.rename(self._folder / upload_id)
            sync_folder(self._folder)
        return upload_id

    def writer(self, bucket: str, key: str, upload_id: str, number: int, demand_room: Callable[[], None]) -> "PartWriter":
        """One part on its way. Raises NoSuchUpload, BadParts."""
        check_number(number)
        return PartWriter(self._of(bucket, key, upload_id), self._temporary(), number, demand_room)

    def list(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        with _there(upload_id):
            return list(_newest(self._of(bucket, key, upload_id)).values())

    def complete(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]], *,
        place: Callable[[Path], str], etag_now: Callable[[], str | None], demand_room: Callable[[], None],
    ) -> str:  # fmt: skip
        """See the port.

        Args:
            place: moves a finished file to the key for good, and returns its ETag.
            etag_now: of the object under the key, None where there is none.
            demand_room: raises StoreFull where no more may be written.
        """
        folder = self._of(bucket, key, upload_id)
        with _there(upload_id), _held(folder):
            with suppress(FileNotFoundError):
                if (placed := (folder / _PLACING).read_text()) == etag_now():
                    self._drop(folder)
                    return placed
            check_parts(_newest(folder), parts)
            file = self._temporary()
            try:
                etag = _join([folder / f"{number:05d}-{etag}" for number, etag in parts], file, demand_room)
                with storing():
                    write_synced(note := folder / f".{_PLACING}", etag.encode())
                    note.rename(folder / _PLACING)
                place(file)
            finally:
                file.unlink(missing_ok=True)
            self._drop(folder)
            return etag

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        with suppress(NoSuchUpload), _there(upload_id):
            folder = self._of(bucket, key, upload_id)
            with _held(folder):
                self._drop(folder)

    def remove_orphans(self, *, older_than_s: float, now_s: float) -> None:
        """Drops uploads in which nothing has happened for so long."""
        for folder in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if now_s - max(path.stat().st_mtime for path in (folder, *folder.iterdir())) > older_than_s:
                    self._drop(folder)

    def _of(self, bucket: str, key: str, upload_id: str) -> Path:
        folder = self._folder / upload_id
        with suppress(FileNotFoundError):
            if _UPLOAD_ID.fullmatch(upload_id) and json.loads((folder / _ABOUT).read_text()) == [bucket, key]:
                return folder
        raise NoSuchUpload(upload_id)

    def _drop(self, folder: Path) -> None:
        """Gone at once, in one step; what is left behind of its files is swept."""
        doomed = self._temporary()
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


class PartWriter(FolderWriter):
    """A writer for one part. Leaving its `with` block without `keep` leaves nothing."""

    def __init__(self, folder: Path, temporary: Path, number: int, demand_room: Callable[[], None]) -> None:
        super().__init__(temporary, lambda _: "", MAX_PART_BYTES, demand_room, "md5")
        self._folder, self._number = folder, number

    def keep(self) -> str:
        """Makes this the part, in the place of an earlier one of its number. Returns its ETag.

        Raises:
            NoSuchUpload: completed or aborted meanwhile.
            StoreFull.
        """
        etag = self.finish()
        target = self._folder / f"{self._number:05d}-{etag}"
        with _there(self._folder.name):
            self._temporary.rename(target)
            for other in self._folder.glob(f"{self._number:05d}-*"):
                if other != target and other.stat().st_mtime_ns <= target.stat().st_mtime_ns:
                    other.unlink(missing_ok=True)
            sync_folder(self._folder)
        return etag


@contextmanager
def _there(upload_id: str) -> Iterator[None]:
    """NoSuchUpload for files that vanish under us: their folder does so in one step."""
    try:
        yield
    except OSError as exc:
        if isinstance(exc, FileNotFoundError):
            raise NoSuchUpload(upload_id) from exc
        with storing():
            raise


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Holds one upload, so that it ends once. A dead process holds none. Raises FileNotFoundError where it has just ended.

    Waits by sleeping: in a process whose greenlets share one thread, whoever holds it goes on meanwhile.
    """
    with (folder / _ABOUT).open("rb") as file:
        while not _taken(file):
            time.sleep(_ASK_AGAIN_S)
        (folder / _ABOUT).stat()
        yield


def _taken(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _newest(folder: Path) -> dict[int, Part]:
    found: dict[int, tuple[int, Part]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if (name := _PART.fullmatch(entry.name)) is None:
                continue
            facts = entry.stat()
            number = int(name[1])
            part = Part(number=number, etag=name[2], bytes=facts.st_size)
            if number not in found or found[number][0] < facts.st_mtime_ns:
                found[number] = (facts.st_mtime_ns, part)
    return {number: found[number][1] for number in sorted(found)}


def _join(files: Sequence[Path], target: Path, demand_room: Callable[[], None]) -> str:
    """One file of many. Returns the ETag that it will have as an object.

    Each piece is brought to the disk, and others have their turn before the next: with greenlets they wait for a piece, not for gigabytes.
    """
    with storing(), target.open("xb", buffering=0) as joined:
        for file in files:
            demand_room()
            with file.open("rb", buffering=0) as part:
                offset = 0
                while sent := os.sendfile(joined.fileno(), part.fileno(), offset, _COPY_BYTES):
                    offset += sent
                    os.fdatasync(joined.fileno())
                    time.sleep(0)
        stamp(joined.fileno())
        os.fsync(joined.fileno())
        return etag_of(os.fstat(joined.fileno()))
