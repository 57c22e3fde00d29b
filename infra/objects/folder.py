"""A store in a folder: an object is the plain file `{root}/{bucket}/{key}`, so a file that a person copies there counts as one.

Beside the buckets lie `.tmp` (what is being written), `.parts` (multipart uploads, `folder_parts.py`), `.notify` (announcements that wait
for the listener), `.lock`, `.key` (the presigning secret) and the listener's `.announced.db`; no bucket can have their names, so no key can
reach them.

An ETag is the file's modification time in nanoseconds and its size: it costs no read, holds for files that people copied, and survives a
backup that keeps times. The content type is not stored: the key's extension says it (`names.py`), and whoever knows better says so in
`presign_get`; so no upload is ever served as what its client claimed. Links are never followed.

Linux only. Serving presigned URLs and delivering notifications is the listener's job.
"""

import fcntl
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO

from infra.objects.folder_errors import demand_bucket, reading, storing
from infra.objects.folder_parts import FolderParts, PartWriter
from infra.objects.folder_writer import FolderWriter, etag_of
from infra.objects.names import BUCKETS, MAX_KEY_BYTES, check_bucket, content_type_of, segments
from infra.objects.notification import Arrival
from infra.objects.port import NoSuchObject, ObjectInfo, ObjectReplaced, Part, Stored
from infra.objects.room import demand_room
from infra.objects.signing import Presigning, Signer
from infra.objects.spool import Spool
from infra.objects.streams import file_chunks
from infra.objects.tree import folder_at, prune, regular, walk
from schemas.keys import MEDIA_BUCKET

_log = logging.getLogger(__name__)
_COPY_BYTES = 8 * 1024 * 1024


class FolderObjects(Presigning):
    """Objects as files below `root`, which is made where it is missing."""

    def __init__(self, root: Path, public_url: str | None = None) -> None:
        """Args:
        root: the store's folder.
        public_url: the listener's address as clients see it, without a slash at the end; without one nothing can be presigned.
        """
        self.root = root
        self.spool = Spool(root / ".notify")
        self._public_url = public_url
        self._temporary = root / ".tmp"
        self._parts = FolderParts(root / ".parts", self._new_temporary)
        with storing():
            for folder in (self._temporary, root / ".parts", self.spool.folder, *(root / bucket for bucket in BUCKETS)):
                folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def signer(self) -> Signer:
        """Raises ValueError where the store was opened without `public_url`."""
        if self._public_url is None:
            raise ValueError("this folder store was opened without a public URL, so it can presign nothing")
        return Signer(public_url=self._public_url.rstrip("/"), secret=self._secret())

    def writer(self, bucket: str, key: str, *, content_type: str, max_bytes: int | None = None, how: str = "Put") -> FolderWriter:
        """One object on its way, for callers that are handed bytes.

        Args:
            how: `Put` or `Post`, for the notification.
        """
        check_bucket(bucket)
        names = segments(key)
        return FolderWriter(self._new_temporary(), lambda file: self._place(file, bucket, names, how), max_bytes, self._room(bucket))

    def put(self, bucket: str, key: str, chunks: Iterable[bytes], *, content_type: str, max_bytes: int | None = None) -> Stored:
        with self.writer(bucket, key, content_type=content_type, max_bytes=max_bytes) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def put_file(self, bucket: str, key: str, path: Path, *, content_type: str) -> Stored:
        return self.put(bucket, key, file_chunks(path), content_type=content_type)

    @contextmanager
    def open(self, bucket: str, key: str, *, if_match: str | None = None) -> Iterator[BinaryIO]:
        with self.opened(bucket, key, if_match=if_match) as (file, _):
            yield file

    @contextmanager
    def opened(self, bucket: str, key: str, *, if_match: str | None = None) -> Iterator[tuple[BinaryIO, ObjectInfo]]:
        """`open`, with the facts of the very version that was opened."""
        check_bucket(bucket)
        *folders, name = segments(key)
        with reading(self.root, bucket, key), folder_at(self.root, [bucket, *folders]) as folder:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder.fd)  # never waits for a pipe
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise NoSuchObject(bucket, key)
            if if_match is not None and etag_of(found) != if_match:
                raise ObjectReplaced(bucket, key, if_match)
            yield file, _info(bucket, key, found)

    def fetch(self, bucket: str, key: str, path: Path, *, if_match: str | None = None) -> ObjectInfo:
        try:
            with self.opened(bucket, key, if_match=if_match) as (source, before):
                with storing(), path.open("wb", buffering=0) as target:
                    copied = _copy(source.fileno(), target.fileno())
                if etag_of(os.fstat(source.fileno())) != before.etag or copied != before.bytes:
                    raise ObjectReplaced(bucket, key, before.etag)  # noqa: TRY301 - one way out for every failure
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return before

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        found = self.stat(bucket, key)
        return _info(bucket, key, found) if found else None

    def stat(self, bucket: str, key: str) -> os.stat_result | None:
        """The facts of the object's file, None where there is none."""
        check_bucket(bucket)
        *folders, name = segments(key)
        try:
            with reading(self.root, bucket, key), folder_at(self.root, [bucket, *folders]) as folder:
                return regular(name, folder)
        except NoSuchObject:
            return None

    def list(self, bucket: str, *, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        check_bucket(bucket)
        demand_bucket(self.root, bucket)
        with storing():
            for key, found in walk(str(self.root / bucket), prefix=prefix, start_after=start_after):
                if len(key.encode()) <= MAX_KEY_BYTES:
                    yield _info(bucket, key, found)
        demand_bucket(self.root, bucket)

    def delete(self, bucket: str, key: str, *, if_match: str | None = None) -> None:
        check_bucket(bucket)
        *folders, name = segments(key)
        try:
            with reading(self.root, bucket, key), self._locked(), folder_at(self.root, [bucket, *folders]) as folder:
                found = regular(name, folder)
                if found is None:
                    return
                if if_match is not None and etag_of(found) != if_match:
                    raise ObjectReplaced(bucket, key, if_match)
                os.unlink(name, dir_fd=folder.fd)
                prune(self.root / bucket, folders)
        except NoSuchObject:
            return

    def create_multipart(self, bucket: str, key: str, *, content_type: str) -> str:
        check_bucket(bucket)
        segments(key)
        demand_bucket(self.root, bucket)
        return self._parts.create(bucket, key)

    def part_writer(self, bucket: str, key: str, upload_id: str, number: int) -> PartWriter:
        """One part on its way, for callers that are handed bytes. Raises NoSuchUpload, BadParts."""
        return self._parts.writer(bucket, key, upload_id, number, self._room(bucket))

    def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        return self._parts.list(bucket, key, upload_id)

    def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> str:
        names = segments(key)

        def etag_now() -> str | None:
            found = self.stat(bucket, key)
            return etag_of(found) if found else None

        return self._parts.complete(
            bucket, key, upload_id, parts,
            place=lambda file: self._place(file, bucket, names, "CompleteMultipartUpload"), etag_now=etag_now,
            demand_room=self._room(bucket),
        )  # fmt: skip

    def abort_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        self._parts.abort(bucket, key, upload_id)

    def ready(self) -> None:
        with storing():
            for folder in (self._temporary, *(self.root / bucket for bucket in BUCKETS)):
                os.scandir(folder).close()

    def _place(self, file: Path, bucket: str, names: Sequence[str], how: str) -> str:
        """Moves a finished file to its key, for good, and announces it where its bucket is one that announces."""
        key = "/".join(names)
        demand_bucket(self.root, bucket)  # never made anew here: what is written beside a disk that is away would be lost when it is back
        with storing(key), self._locked() as lock, folder_at(self.root, [bucket, *names[:-1]], make=True) as folder:
            os.rename(file, names[-1], dst_dir_fd=folder.fd)
            found = os.stat(names[-1], dir_fd=folder.fd, follow_symlinks=False)
            fcntl.flock(lock, fcntl.LOCK_UN)  # others need not wait for the disk
            for fd in (folder.fd, *folder.grown):
                os.fsync(fd)
        if bucket == MEDIA_BUCKET:
            self.announce(key, found, how)
        return etag_of(found)

    def announce(self, key: str, found: os.stat_result, how: str) -> None:
        """Spools the notification of an object in the media bucket. One that cannot be written is left to the listener's listing."""
        arrival = Arrival(
            bucket=MEDIA_BUCKET,
            key=key,
            etag=etag_of(found),
            size_bytes=found.st_size,
            changed_ns=found.st_ctime_ns,
            event=f"ObjectCreated:{how}",
        )
        try:
            self.spool.append(arrival.body())
        except OSError:
            _log.exception("The notification of %r could not be written.", key)

    def remove_orphans(self, *, older_than_s: float, now_s: float) -> None:
        """Removes temporary files whose writers died, and multipart uploads whose clients went away."""
        self._parts.remove_orphans(older_than_s=older_than_s, now_s=now_s)
        for file in (*self._temporary.iterdir(), *self.spool.drafts()):
            with suppress(FileNotFoundError):
                if now_s - file.stat().st_mtime > older_than_s:
                    shutil.rmtree(file) if file.is_dir() else file.unlink()

    def _room(self, bucket: str) -> Callable[[], None]:
        """What was accepted may be finished, though little is left for more."""
        return partial(demand_room, self.root) if bucket == MEDIA_BUCKET else lambda: None

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Holds the store's lock, so that making folders, renaming, checking and removing never cross. A dead process holds none."""
        fd = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)

    def _new_temporary(self) -> Path:
        return self._temporary / secrets.token_hex(16)

    def _secret(self) -> bytes:
        """The key that presigned URLs are signed with: made at first use, readable by this user alone, the same for every process."""
        path = self.root / ".key"
        with storing():
            if not path.exists():
                draft = self._new_temporary()
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(32))
                    os.fsync(file.fileno())
                with suppress(FileExistsError):  # another process was first: its key is the key
                    os.link(draft, path)
                draft.unlink()
            return path.read_bytes()


def _copy(source: int, target: int) -> int:
    copied = 0
    while sent := os.sendfile(target, source, copied, _COPY_BYTES):
        copied += sent
    return copied


def _info(bucket: str, key: str, found: os.stat_result) -> ObjectInfo:
    modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
    return ObjectInfo(
        bucket=bucket, key=key, etag=etag_of(found), bytes=found.st_size, modified_at=modified_at, content_type=content_type_of(key)
    )
