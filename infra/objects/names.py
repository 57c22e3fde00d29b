"""Which names an object may have, and what its name says about its type. Pure; the folder store is the strictest, S3 knows fewer rules."""

from typing import Final

from infra.objects.port import BadKey, StoreUnavailable
from schemas.keys import MEDIA_BUCKET, OUTPUTS_BUCKET

BUCKETS: Final = (MEDIA_BUCKET, OUTPUTS_BUCKET)
MAX_KEY_BYTES: Final = 1024  # S3's limit
MAX_SEGMENT_BYTES: Final = 255  # NAME_MAX of every file system in use on Linux

_TYPES: Final = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "png": "image/png",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}
"""Types that no browser runs. A table of our own: mimetypes reads the machine's, knows no WebP on Python 3.11, and knows text/html."""


def check_bucket(bucket: str) -> None:
    """Raises StoreUnavailable for a bucket that Darkroom does not have."""
    if bucket not in BUCKETS:
        raise StoreUnavailable(f"There is no bucket {bucket!r}; there are {', '.join(BUCKETS)}.")


def check_key(key: str) -> None:
    """What every store demands of a key.

    Raises:
        BadKey: empty, over 1,024 bytes, with NUL, or no Unicode.
    """
    if not key:
        raise BadKey(key, "it is empty")
    if "\0" in key:
        raise BadKey(key, "it holds a NUL")
    try:
        size = len(key.encode())
    except UnicodeEncodeError as exc:
        raise BadKey(key, "it is no Unicode text") from exc
    if size > MAX_KEY_BYTES:
        raise BadKey(key[:80] + "…", f"it is over {MAX_KEY_BYTES} bytes")


def segments(key: str) -> list[str]:
    """A key as a path below its bucket's folder: `a/b.jpg` is `["a", "b.jpg"]`.

    Raises:
        BadKey: also for a segment that is empty, `.`, `..`, or over 255 bytes: no file could have that name, or it would lie elsewhere.
    """
    check_key(key)
    parts = key.split("/")
    for part in parts:
        if part in ("", ".", ".."):
            raise BadKey(key, f"{part!r} cannot be a segment of a path")
        if len(part.encode()) > MAX_SEGMENT_BYTES:
            raise BadKey(key[:80] + "…", f"a segment is over {MAX_SEGMENT_BYTES} bytes")
    return parts


def content_type_of(key: str) -> str:
    """The type that a key's extension stands for, application/octet-stream where it says nothing that we serve."""
    return _TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream") if "." in key else "application/octet-stream"
