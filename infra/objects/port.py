"""The object-store port: what Darkroom asks of a store, and every way in which one can fail.

Plain S3 in meaning: keys are flat, a write is whole or absent, an ETag names one version of the bytes, a read may demand it. Notifications
are the store's own business (MinIO's webhook; the folder store's listener), and a hint only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol

MIN_PART_BYTES: Final = 5 * 2**20
"""S3's: every part of a multipart upload but the last has at least so many bytes."""
MAX_PARTS: Final = 10_000
MAX_PART_BYTES: Final = 5 * 2**30


class ObjectStoreError(Exception):
    """The root: something about the store."""


class NoSuchObject(ObjectStoreError):
    """There is no object of that key."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"There is no object {bucket}/{key}.")
        self.bucket, self.key = bucket, key


class ObjectReplaced(ObjectStoreError):
    """The object is there, but it is not the version that was asked for (HTTP 412)."""

    def __init__(self, bucket: str, key: str, etag: str) -> None:
        super().__init__(f"{bucket}/{key} is no longer the version {etag}.")
        self.bucket, self.key, self.etag = bucket, key, etag


class BadKey(ObjectStoreError):
    """No store could hold an object of that name."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r} cannot be an object key: {reason}.")
        self.key, self.reason = key, reason


class StoreFull(ObjectStoreError):
    """No space is left; nothing was written."""


class TooLarge(ObjectStoreError):
    """The stream is longer than the writer allowed; nothing was written."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The stream is longer than {max_bytes} bytes.")
        self.max_bytes = max_bytes


class NoSuchUpload(ObjectStoreError):
    """There is no multipart upload of that id: never begun, completed, aborted, or swept."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"There is no multipart upload {upload_id}.")
        self.upload_id = upload_id


class BadParts(ObjectStoreError):
    """A multipart upload cannot be completed from these parts; they all stay."""


class StoreUnavailable(ObjectStoreError):
    """The store does not answer, or answers with an error of its own: try again later."""


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """One version of one object."""

    bucket: str
    key: str
    etag: str  # without quotes
    bytes: int
    modified_at: datetime
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a write left."""

    etag: str
    bytes: int
    sha256: str  # of the bytes as they went by, in hex


@dataclass(frozen=True, kw_only=True)
class PostGrant:
    """A presigned POST policy: post multipart/form-data with `fields`, then `file`, to `url`."""

    url: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a multipart upload, as the store has it."""

    number: int  # from 1
    etag: str  # without quotes
    bytes: int


class Multipart(Protocol):
    """Uploads in parts: each a PUT to a URL of its own, in any order, again where one broke; one object once they are completed."""

    def create_multipart(self, bucket: str, key: str, *, content_type: str) -> str:
        """Begins an upload. Returns the id that the store gives it. Nothing is visible under the key yet."""

    def presign_part(self, bucket: str, key: str, upload_id: str, number: int, *, ttl_s: int) -> str:
        """A URL on the public endpoint that takes one part by PUT, and answers with its ETag. It bounds no length.

        Args:
            number: 1 to MAX_PARTS; the object has the parts in this order.
            ttl_s: seconds for which it is valid.
        """

    def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        """The parts that have come, by number.

        Raises:
            NoSuchUpload.
        """

    def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> str:
        """Makes the parts one object, whole or not at all, and forgets the upload.

        Args:
            parts: number and ETag of each, by number; parts that are not named are dropped.

        Returns:
            The object's ETag.

        Raises:
            NoSuchUpload: also for one that was completed before.
            BadParts: one is not there with that ETag, or one but the last is shorter than MIN_PART_BYTES.
            StoreFull: no space; the parts stay.
        """

    def abort_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        """Drops an upload with its parts; fine where there is none."""


class Objects(Multipart, Protocol):
    """A store with its buckets. Safe for use by many threads. Every method may raise StoreUnavailable, and BadKey for an impossible key."""

    def put(self, bucket: str, key: str, chunks: Iterable[bytes], *, content_type: str, max_bytes: int | None = None) -> Stored:
        """Writes one object from a stream, whole or not at all; never holds it in memory. An exception out of `chunks` leaves nothing.

        Raises:
            StoreFull: no space.
            TooLarge: more than `max_bytes`.
        """

    def put_file(self, bucket: str, key: str, path: Path, *, content_type: str) -> Stored:
        """Writes one object from a file."""

    def open(self, bucket: str, key: str, *, if_match: str | None = None) -> AbstractContextManager[BinaryIO]:
        """The object's bytes as a stream.

        Raises:
            NoSuchObject, ObjectReplaced.
        """

    def fetch(self, bucket: str, key: str, path: Path, *, if_match: str | None = None) -> ObjectInfo:
        """Copies the object to a file of its own, which never changes under the reader.

        Raises:
            NoSuchObject, ObjectReplaced.
        """

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """The object's facts, or None where there is none."""

    def list(self, bucket: str, *, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        """Every object under a prefix in the order of keys, after one key, in bounded memory. `content_type` is not filled in."""

    def delete(self, bucket: str, key: str, *, if_match: str | None = None) -> None:
        """Removes the object; fine where there is none. With `if_match`, only that version (best effort on S3).

        Raises:
            ObjectReplaced.
        """

    def presign_get(self, bucket: str, key: str, *, ttl_s: int, content_type: str | None = None, download_as: str | None = None) -> str:
        """A URL on the public endpoint that reads the object with no other credentials, with Range.

        Args:
            ttl_s: seconds for which it is valid.
            content_type: overrides the stored one in the answer.
            download_as: answers as an attachment of this file name.
        """

    def presign_post(self, bucket: str, key: str, *, ttl_s: int, content_type: str, exact_bytes: int) -> PostGrant:
        """A POST policy for exactly this key, type and length."""

    def ready(self) -> None:
        """Returns if both buckets can be reached.

        Raises:
            StoreUnavailable.
        """
