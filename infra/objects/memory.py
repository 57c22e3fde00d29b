"""A store in memory: the port for unit tests, held to the same contract suite as the others.

It forgets everything with its process and notifies nobody. Its presigned URLs are served by the listener's application like the folder's.
"""

import hashlib
import io
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from infra.objects.names import check_bucket, check_key
from infra.objects.parts import check_number, check_parts
from infra.objects.port import (
    NoSuchObject,
    NoSuchUpload,
    ObjectInfo,
    ObjectReplaced,
    Part,
    Stored,
    TooLarge,
)
from infra.objects.signing import Presigning, Signer
from infra.objects.streams import file_chunks


@dataclass(frozen=True, kw_only=True)
class _Version:
    info: ObjectInfo
    data: bytes


@dataclass(frozen=True, kw_only=True)
class _Upload:
    of: tuple[str, str]
    content_type: str
    parts: dict[int, bytes] = field(default_factory=dict)

    def listed(self) -> list[Part]:
        return [Part(number=number, etag=_md5(data), bytes=len(data)) for number, data in sorted(self.parts.items())]


class MemoryObjects(Presigning):
    """Objects in a dictionary."""

    def __init__(self, public_url: str = "http://memory.invalid") -> None:
        self._signer = Signer(public_url=public_url, secret=secrets.token_bytes(32))
        self._versions: dict[tuple[str, str], _Version] = {}
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()

    @property
    def signer(self) -> Signer:
        return self._signer

    def writer(self, bucket: str, key: str, *, content_type: str, max_bytes: int | None = None, how: str = "Put") -> "MemoryWriter":
        """One object on its way, for callers that are handed bytes. `how` is of no interest here: nobody is notified."""
        check_bucket(bucket)
        check_key(key)
        return MemoryWriter(self, bucket, key, content_type, max_bytes)

    def put(self, bucket: str, key: str, chunks: Iterable[bytes], *, content_type: str, max_bytes: int | None = None) -> Stored:
        with self.writer(bucket, key, content_type=content_type, max_bytes=max_bytes) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def put_file(self, bucket: str, key: str, path: Path, *, content_type: str) -> Stored:
        return self.put(bucket, key, file_chunks(path), content_type=content_type)

    def keep(self, bucket: str, key: str, content_type: str, data: bytes) -> Stored:
        """Makes these bytes the object's newest version."""
        etag = secrets.token_hex(8)
        info = ObjectInfo(bucket=bucket, key=key, etag=etag, bytes=len(data), modified_at=datetime.now(UTC), content_type=content_type)
        with self._lock:
            self._versions[bucket, key] = _Version(info=info, data=data)
        return Stored(etag=etag, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    @contextmanager
    def open(self, bucket: str, key: str, *, if_match: str | None = None) -> Iterator[BinaryIO]:
        with self.opened(bucket, key, if_match=if_match) as (file, _):
            yield file

    @contextmanager
    def opened(self, bucket: str, key: str, *, if_match: str | None = None) -> Iterator[tuple[BinaryIO, ObjectInfo]]:
        """`open`, with the facts of the very version that was opened."""
        version = self._version(bucket, key, if_match)
        yield io.BytesIO(version.data), version.info

    def fetch(self, bucket: str, key: str, path: Path, *, if_match: str | None = None) -> ObjectInfo:
        version = self._version(bucket, key, if_match)
        path.write_bytes(version.data)
        return version.info

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        try:
            return self._version(bucket, key, None).info
        except NoSuchObject:
            return None

    def list(self, bucket: str, *, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        check_bucket(bucket)
        with self._lock:
            infos = [version.info for (of, _), version in self._versions.items() if of == bucket]
        yield from sorted((i for i in infos if i.key.startswith(prefix) and i.key > start_after), key=lambda i: i.key)

    def delete(self, bucket: str, key: str, *, if_match: str | None = None) -> None:
        check_bucket(bucket)
        check_key(key)
        with self._lock:
            version = self._versions.get((bucket, key))
            if version is None:
                return
            if if_match is not None and version.info.etag != if_match:
                raise ObjectReplaced(bucket, key, if_match)
            del self._versions[bucket, key]

    def create_multipart(self, bucket: str, key: str, *, content_type: str) -> str:
        check_bucket(bucket)
        check_key(key)
        upload_id = secrets.token_hex(8)
        with self._lock:
            self._uploads[upload_id] = _Upload(of=(bucket, key), content_type=content_type)
        return upload_id

    def part_writer(self, bucket: str, key: str, upload_id: str, number: int) -> "MemoryPartWriter":
        """One part on its way, for callers that are handed bytes. Raises NoSuchUpload, BadParts."""
        check_number(number)
        self._upload(bucket, key, upload_id)
        return MemoryPartWriter(lambda data: self._keep_part(bucket, key, upload_id, number, data))

    def _keep_part(self, bucket: str, key: str, upload_id: str, number: int, data: bytes) -> str:
        with self._lock:
            self._upload(bucket, key, upload_id).parts[number] = data
        return _md5(data)

    def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        with self._lock:
            return self._upload(bucket, key, upload_id).listed()

    def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> str:
        with self._lock:
            upload = self._upload(bucket, key, upload_id)
            check_parts({part.number: part for part in upload.listed()}, parts)
            del self._uploads[upload_id]
        return self.keep(bucket, key, upload.content_type, b"".join(upload.parts[number] for number, _ in parts)).etag

    def abort_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        with self._lock:
            self._uploads.pop(upload_id, None)

    def _upload(self, bucket: str, key: str, upload_id: str) -> "_Upload":
        upload = self._uploads.get(upload_id)
        if upload is None or upload.of != (bucket, key):
            raise NoSuchUpload(upload_id)
        return upload

    def ready(self) -> None:
        """Memory is always there."""

    def _version(self, bucket: str, key: str, if_match: str | None) -> _Version:
        check_bucket(bucket)
        check_key(key)
        with self._lock:
            version = self._versions.get((bucket, key))
        if version is None:
            raise NoSuchObject(bucket, key)
        if if_match is not None and version.info.etag != if_match:
            raise ObjectReplaced(bucket, key, if_match)
        return version


class MemoryWriter:
    """Collects one object's bytes; nobody sees them before `commit`."""

    def __init__(self, store: MemoryObjects, bucket: str, key: str, content_type: str, max_bytes: int | None) -> None:
        self._store, self._bucket, self._key, self._content_type, self._max_bytes = store, bucket, key, content_type, max_bytes
        self._buffer = io.BytesIO()

    def write(self, chunk: bytes) -> None:
        self._buffer.write(chunk)
        if self._max_bytes is not None and self._buffer.tell() > self._max_bytes:
            raise TooLarge(self._max_bytes)

    def commit(self) -> Stored:
        return self._store.keep(self._bucket, self._key, self._content_type, self._buffer.getvalue())

    def __enter__(self) -> "MemoryWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._buffer.close()


class MemoryPartWriter:
    """Collects one part's bytes; they count for nothing before `keep`."""

    def __init__(self, place: Callable[[bytes], str]) -> None:
        self._place, self._buffer = place, io.BytesIO()

    def write(self, chunk: bytes) -> None:
        self._buffer.write(chunk)

    def keep(self) -> str:
        return self._place(self._buffer.getvalue())

    def __enter__(self) -> "MemoryPartWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._buffer.close()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
