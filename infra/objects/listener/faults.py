"""What goes wrong, as S3 says it: one table from the port's errors to a status and a code, and the XML body."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from aiohttp import web

from infra.objects.port import (
    BadKey,
    BadParts,
    NoSuchObject,
    NoSuchUpload,
    ObjectReplaced,
    ObjectStoreError,
    StoreFull,
    StoreUnavailable,
    TooLarge,
)
from infra.objects.signing import Refused


class Fault(ObjectStoreError):
    """An answer that is no success: status, S3's code, a sentence, and headers of its own."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


_TABLE: tuple[tuple[type[ObjectStoreError], int, str], ...] = (
    (Refused, 403, "AccessDenied"),
    (NoSuchObject, 404, "NoSuchKey"),
    (NoSuchUpload, 404, "NoSuchUpload"),
    (BadParts, 400, "InvalidPart"),
    (ObjectReplaced, 412, "PreconditionFailed"),
    (BadKey, 400, "XMinioInvalidObjectName"),
    (TooLarge, 400, "EntityTooLarge"),
    (StoreFull, 507, "XMinioStorageFull"),
    (StoreUnavailable, 503, "SlowDown"),
)


def answer(error: ObjectStoreError) -> web.Response:
    """The response for an error."""
    headers = None
    if isinstance(error, Fault):
        status, code, headers = error.status, error.code, error.headers
    else:
        status, code = next(((s, c) for kind, s, c in _TABLE if isinstance(error, kind)), (500, "InternalError"))
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(str(error))}</Message></Error>'
    return web.Response(status=status, text=body, content_type="application/xml", headers=headers)
