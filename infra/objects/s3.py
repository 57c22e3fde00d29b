"""A store that speaks S3, through minio-py (its public calls; `s3_multipart.py` has the others): MinIO, RustFS, Ceph RGW, AWS.

Two clients: one on the endpoint that this process reaches, for the work, and one on the public endpoint, which only signs. The host is part
of a signature, so a URL is never rewritten; the region is fixed, so that signing asks nobody. Buckets and notifications are made by
whoever installs the store.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.datatypes import PostPolicy

from infra.objects.disposition import attachment
from infra.objects.names import BUCKETS, check_bucket, check_key
from infra.objects.port import BadKey, NoSuchObject, ObjectInfo, ObjectReplaced, Part, PostGrant, Stored, StoreUnavailable, TooLarge
from infra.objects.s3_errors import asking
from infra.objects.s3_multipart import S3Multipart
from infra.objects.streams import BLOCK_BYTES, Hasher, file_chunks

PART_BYTES = 8 * 1024 * 1024
"""One part of an upload is held in memory; S3 allows 10,000 parts, so an object may have 80 GB."""


class S3Objects:
    """Objects on an S3 endpoint."""

    def __init__(self, *, endpoint: str, public_url: str, access_key: str, secret_key: str, region: str) -> None:
        """Args:
        endpoint: scheme, host and port that this process reaches.
        public_url: the same for clients: presigned URLs name it.
        """
        self._client = connect(endpoint, access_key, secret_key, region)
        self._signing = _client(public_url, access_key, secret_key, region, None)
        self._public_url = public_url.rstrip("/")
        self._multipart = S3Multipart(self._client, self._signing)

    def put(self, bucket: str, key: str, chunks: Iterable[bytes], *, content_type: str, max_bytes: int | None = None) -> Stored:
        _check(bucket, key)
        stream = _Stream(chunks, max_bytes)
        try:
            with asking(bucket, key):
                result = self._client.put_object(
                    bucket_name=bucket,
                    object_name=key,
                    data=stream,
                    length=-1,
                    content_type=content_type,
                    part_size=PART_BYTES,
                    num_parallel_uploads=1,
                )
            return Stored(etag=result.etag, bytes=stream.bytes, sha256=stream.hasher.hexdigest())
        finally:
            stream.hasher.close()

    def put_file(self, bucket: str, key: str, path: Path, *, content_type: str) -> Stored:
        return self.put(bucket, key, file_chunks(path), content_type=content_type)

    @contextmanager
    def open(self, bucket: str, key: str, *, if_match: str | None = None) -> Iterator[BinaryIO]:
        with self._opened(bucket, key, if_match) as response:
            yield response

    def fetch(self, bucket: str, key: str, path: Path, *, if_match: str | None = None) -> ObjectInfo:
        try:
            with self._opened(bucket, key, if_match) as response, path.open("wb", buffering=0) as file:
                for chunk in response.stream(BLOCK_BYTES):
                    file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        headers = response.headers
        return ObjectInfo(
            bucket=bucket,
            key=key,
            etag=headers["ETag"].strip('"'),
            bytes=path.stat().st_size,
            modified_at=parsedate_to_datetime(headers["Last-Modified"]),
            content_type=headers.get("Content-Type", "application/octet-stream"),
        )

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        _check(bucket, key)
        try:
            with asking(bucket, key):
                found = self._client.stat_object(bucket_name=bucket, object_name=key)
        except NoSuchObject:
            return None
        return ObjectInfo(
            bucket=bucket,
            key=key,
            etag=found.etag,
            bytes=found.size,
            modified_at=found.last_modified,
            content_type=found.content_type or "application/octet-stream",
        )

    def list(self, bucket: str, *, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        check_bucket(bucket)
        with asking(bucket, prefix):
            for found in self._client.list_objects(
                bucket_name=bucket, prefix=prefix or None, recursive=True, start_after=start_after or None
            ):
                yield ObjectInfo(bucket=bucket, key=found.object_name, etag=found.etag, bytes=found.size, modified_at=found.last_modified)

    def delete(self, bucket: str, key: str, *, if_match: str | None = None) -> None:
        _check(bucket, key)
        if if_match is not None:
            found = self.head(bucket, key)
            if found is None:
                return
            if found.etag != if_match:
                raise ObjectReplaced(bucket, key, if_match)
        with asking(bucket, key):
            self._client.remove_object(bucket_name=bucket, object_name=key)

    def presign_get(self, bucket: str, key: str, *, ttl_s: int, content_type: str | None = None, download_as: str | None = None) -> str:
        _check(bucket, key)
        overrides = {}
        if content_type is not None:
            overrides["response-content-type"] = content_type
        if download_as is not None:
            overrides["response-content-disposition"] = attachment(download_as)
        url: str = self._signing.presigned_get_object(
            bucket_name=bucket, object_name=key, expires=timedelta(seconds=ttl_s), response_headers=overrides or None
        )
        return url

    def presign_put(self, bucket: str, key: str, *, ttl_s: int) -> str:
        """A URL that a plain PUT may write to. It bounds no length: for browsers use a POST policy."""
        _check(bucket, key)
        url: str = self._signing.presigned_put_object(bucket_name=bucket, object_name=key, expires=timedelta(seconds=ttl_s))
        return url

    def presign_post(self, bucket: str, key: str, *, ttl_s: int, content_type: str, exact_bytes: int) -> PostGrant:
        _check(bucket, key)
        policy = PostPolicy(bucket, datetime.now(UTC) + timedelta(seconds=ttl_s))
        policy.add_equals_condition("key", key)
        policy.add_equals_condition("Content-Type", content_type)
        policy.add_content_length_range_condition(exact_bytes, exact_bytes)
        fields: dict[str, str] = self._signing.presigned_post_policy(policy)
        return PostGrant(url=f"{self._public_url}/{bucket}", fields={"key": key, "Content-Type": content_type, **fields})

    def create_multipart(self, bucket: str, key: str, *, content_type: str) -> str:
        _check(bucket, key)
        return self._multipart.create(bucket, key, content_type)

    def presign_part(self, bucket: str, key: str, upload_id: str, number: int, *, ttl_s: int) -> str:
        _check(bucket, key)
        return self._multipart.presign_part(bucket, key, upload_id, number, ttl_s=ttl_s)

    def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        _check(bucket, key)
        return self._multipart.list(bucket, key, upload_id)

    def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> str:
        _check(bucket, key)
        return self._multipart.complete(bucket, key, upload_id, parts)

    def abort_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        _check(bucket, key)
        self._multipart.abort(bucket, key, upload_id)

    def ready(self) -> None:
        for bucket in BUCKETS:
            with asking(bucket, ""):
                there = self._client.bucket_exists(bucket_name=bucket)
            if not there:
                raise StoreUnavailable(f"The object store has no bucket {bucket}.")

    @contextmanager
    def _opened(self, bucket: str, key: str, if_match: str | None) -> Iterator[Any]:
        _check(bucket, key)
        demand = {"If-Match": f'"{if_match}"'} if if_match is not None else None
        with asking(bucket, key, if_match):
            response = self._client.get_object(bucket_name=bucket, object_name=key, request_headers=demand)
            try:
                yield response
            finally:
                response.close()
                response.release_conn()


class _Stream:
    """Chunks as the file that minio-py wants to read, hashed and counted as they go by. Each read is full, or the last: minio-py would
    join short ones at a quadratic price."""

    def __init__(self, chunks: Iterable[bytes], max_bytes: int | None) -> None:
        self._chunks, self._max_bytes = iter(chunks), max_bytes
        self._rest = memoryview(b"")
        self.hasher = Hasher()
        self.bytes = 0

    def read(self, size: int) -> bytes:
        parts = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, size: int) -> memoryview:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self.bytes += len(chunk)
            if self._max_bytes is not None and self.bytes > self._max_bytes:
                raise TooLarge(self._max_bytes)
            self.hasher.update(chunk)
            self._rest = memoryview(chunk)
        part, self._rest = self._rest[:size], self._rest[size:]
        return part


def connect(endpoint: str, access_key: str, secret_key: str, region: str) -> Any:
    """A client for work: it waits, and asks again, within bounds."""
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=60),
        maxsize=16,
        retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[502, 503, 504]),
    )
    return _client(endpoint, access_key, secret_key, region, http)


def _client(endpoint: str, access_key: str, secret_key: str, region: str, http: urllib3.PoolManager | None) -> Any:
    parts = urlsplit(endpoint)
    return Minio(
        endpoint=parts.netloc,
        access_key=access_key,
        secret_key=secret_key,
        secure=parts.scheme == "https",
        region=region,
        http_client=http,
    )


def _check(bucket: str, key: str) -> None:
    check_bucket(bucket)
    check_key(key)
    if {".", ".."} & set(key.split("/")):  # no client can send such a path
        raise BadKey(key, "a segment of its path is a dot or two")
