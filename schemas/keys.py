"""Object keys and buckets: who may live where. Making and reading the names; no store is opened here."""

import re
from typing import Final

MEDIA_BUCKET: Final = "media"
OUTPUTS_BUCKET: Final = "outputs"
RESULT_NAME: Final = "result.json"
OWN_PREFIX: Final = "media/"

_OWN_KEY: Final = re.compile(r"media/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(\.[a-z0-9]{1,8})?")
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,8}$")


def media_key(media_id: str, filename: str) -> str:
    """The key of an upload: the media's id, and the extension of the client's file name if it is a plain one."""
    found = _EXTENSION.search(filename)
    return f"{OWN_PREFIX}{media_id}{found.group().lower() if found else ''}"


def own_media_id(key: str) -> str | None:
    """The media id in a key under `media/`, or None if the key is not one that Darkroom ever gives out."""
    found = _OWN_KEY.fullmatch(key)
    return found.group(1) if found else None


def is_own(key: str) -> bool:
    """Is this a key under the prefix that belongs to Darkroom alone?"""
    return key.startswith(OWN_PREFIX)


def attempt_prefix(*, tenant: str, content: str, operation: str, version: int, work_id: str, attempt: int) -> str:
    """The folder of one attempt in the outputs bucket.

    Args:
        content: the sha256 of the bytes; for a probe, which comes before that is known, the media's id.
    """
    return f"{tenant}/{content}/{operation}/{version}/{work_id}/{attempt}/"


def result_key(prefix: str) -> str:
    """The key of an attempt's result.json."""
    return prefix + RESULT_NAME
