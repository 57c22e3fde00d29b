"""Multipart uploads on an S3 endpoint. The one file that calls minio-py's private methods: it has no public ones for them.

A test fails where their names or arguments change.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from minio.datatypes import Part as NamedPart
from minio.error import S3Error

from infra.objects.port import BadParts, NoSuchUpload, Part, StoreUnavailable
from infra.objects.s3_errors import asking

_BAD_PARTS: Final = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}
_PAGE: Final = 1000


class S3Multipart:
    """The multipart half of the port, over minio-py's two clients."""

    def __init__(self, client: Any, signing: Any) -> None:
        """Args:
        client: works on the endpoint that this process reaches.
        signing: only signs, for the public endpoint.
        """
        self._client, self._signing = client, signing

    def create(self, bucket: str, key: str, content_type: str) -> str:
        with asking(bucket, key):
            upload_id: str = self._client._create_multipart_upload(bucket, key, {"Content-Type": content_type})
        return upload_id

    def presign_part(self, bucket: str, key: str, upload_id: str, number: int, *, ttl_s: int) -> str:
        url: str = self._signing.get_presigned_url(
            "PUT",
            bucket,
            key,
            expires=timedelta(seconds=ttl_s),
            extra_query_params={"partNumber": str(number), "uploadId": upload_id},
        )
        return url

    def list(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        found: list[Part] = []
        marker = None
        while True:
            with asking(bucket, key), _asking_for(upload_id):
                page = self._client._list_parts(bucket, key, upload_id, max_parts=_PAGE, part_number_marker=marker)
            found += [Part(number=part.part_number, etag=part.etag.strip('"'), bytes=part.size) for part in page.parts]
            if not page.is_truncated:
                return found
            marker = page.next_part_number_marker

    def complete(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> str:
        if not parts:
            raise BadParts("The parts must be named.")
        named = [NamedPart(number, etag) for number, etag in parts]
        with asking(bucket, key), _asking_for(upload_id):
            result = self._client._complete_multipart_upload(bucket, key, upload_id, named)
        if not result.etag:  # 200 goes out before the work is done, and an error may follow it in the body
            raise StoreUnavailable("The object store could not complete the upload.")
        etag: str = result.etag.strip('"')
        return etag

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        try:
            with asking(bucket, key), _asking_for(upload_id):
                self._client._abort_multipart_upload(bucket, key, upload_id)
        except NoSuchUpload:
            return


@contextmanager
def _asking_for(upload_id: str) -> Iterator[None]:
    try:
        yield
    except S3Error as exc:
        if exc.code == "NoSuchUpload":
            raise NoSuchUpload(upload_id) from exc
        if exc.code in _BAD_PARTS:
            raise BadParts(f"The object store answers {exc.code}.") from exc
        raise
