"""What an S3 endpoint's answers mean to a user of the port: the one table."""

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from minio.error import MinioException, S3Error

from infra.objects.port import BadKey, NoSuchObject, ObjectReplaced, ObjectStoreError, StoreFull, StoreUnavailable

_MISSING = {"NoSuchKey", "NoSuchObject", "ResourceNotFound"}
_FULL = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage"}
_BAD_KEY = {"XMinioInvalidObjectName", "XMinioParentIsObject", "XMinioObjectExistsAsDirectory", "KeyTooLongError", "InvalidObjectName"}


@contextmanager
def asking(bucket: str, key: str, if_match: str | None = None) -> Iterator[None]:
    """Turns minio-py's and urllib3's errors into the port's."""
    try:
        yield
    except S3Error as exc:
        raise _meaning(exc, bucket, key, if_match) from exc
    except (MinioException, urllib3.exceptions.HTTPError) as exc:
        raise StoreUnavailable(f"The object store does not answer: {type(exc).__name__}.") from exc


def _meaning(error: S3Error, bucket: str, key: str, if_match: str | None) -> ObjectStoreError:
    if error.code in _MISSING:
        return NoSuchObject(bucket, key)
    if error.code == "PreconditionFailed" and if_match is not None:
        return ObjectReplaced(bucket, key, if_match)
    if error.code in _FULL:
        return StoreFull("No space is left in the object store.")
    if error.code in _BAD_KEY:
        return BadKey(key, f"the store says {error.code}")
    return StoreUnavailable(f"The object store answers {error.code}.")
