"""An upload's bytes on their way to the store: chunk by chunk, never held.

A raw body goes through as it is; of a multipart form the one field `file` does, by werkzeug's own parser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Request
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData

CHUNK_BYTES = 1 << 20
MAX_WORDS_BYTES = 64 << 10
DEFAULT_NAME = "upload"
_TAKEN = re.compile(r"(?:image|video|audio)/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}|application/octet-stream")
FORMS = ("application/x-www-form-urlencoded",)  # what curl says of a body by itself
TAKEN_TYPES = "image/*, video/*, audio/*, application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One file as it comes in."""

    filename: str
    content_type: str
    chunks: Iterator[bytes]


def incoming(request: Request, *, max_bytes: int) -> Incoming:
    """The file in this request. `chunks` raises RequestEntityTooLarge once there are more than `max_bytes`.

    Raises:
        UnsupportedMediaType, BadRequest, RequestEntityTooLarge.
    """
    if request.content_length is not None and request.content_length > max_bytes + CHUNK_BYTES:
        raise RequestEntityTooLarge(f"An upload may have at most {max_bytes} bytes.")
    if request.mimetype == "multipart/form-data":
        found = _from_form(request)
    else:
        found = Incoming(filename=request.args.get("filename", DEFAULT_NAME), content_type=request.mimetype, chunks=_body(request))
    content_type = taken_type(found.content_type or "application/octet-stream")
    return Incoming(filename=clean_name(found.filename), content_type=content_type, chunks=_counted(found.chunks, max_bytes))


def taken_type(declared: str) -> str:
    """The declared type without its parameters, if it is one that is taken (RFC 6838, 4.2).

    Raises:
        UnsupportedMediaType.
    """
    content_type = declared.partition(";")[0].strip().lower()
    if _TAKEN.fullmatch(content_type) is None:
        hint = " Say what the bytes are, or send multipart/form-data with a field `file`." if content_type in FORMS else ""
        raise UnsupportedMediaType(f"{content_type[:80]!r} is not taken; allowed are {TAKEN_TYPES}.{hint}")
    return content_type


def clean_name(name: str) -> str:
    """A client's file name as words for people: no folders, no control characters, at most 255 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:255] or DEFAULT_NAME


def _body(request: Request) -> Iterator[bytes]:
    try:
        while chunk := request.stream.read(CHUNK_BYTES):
            yield chunk
    except ClientDisconnected:
        raise
    except OSError as exc:
        raise ClientDisconnected("The upload broke off.") from exc


def _from_form(request: Request) -> Incoming:
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "ignore")
    if not boundary:
        raise BadRequest("The multipart form has no boundary.")
    decoder = MultipartDecoder(boundary, max_form_memory_size=3 * CHUNK_BYTES, max_parts=20)  # it holds a chunk and a bit
    source, words_bytes = _body(request), 0
    try:
        for event in _events(decoder, source):
            words_bytes += len(event.data) if isinstance(event, Data) else 0
            if words_bytes > MAX_WORDS_BYTES:  # the decoder holds none of it, and would go on until the end of any upload
                raise RequestEntityTooLarge(f"A form may have at most {MAX_WORDS_BYTES} bytes of fields before its file.")
            if isinstance(event, File) and event.name == "file":
                content_type = event.headers.get("content-type", "application/octet-stream")
                return Incoming(filename=event.filename or DEFAULT_NAME, content_type=content_type, chunks=_file(decoder, source))
            if isinstance(event, Field) and event.name == "file":
                raise BadRequest("The field `file` must be a file, with a file name.")
    except ValueError as exc:
        raise BadRequest("The multipart form is malformed.") from exc
    raise BadRequest("The multipart form has no field `file`.")


def _events(decoder: MultipartDecoder, source: Iterator[bytes]) -> Iterator[object]:
    while True:
        event = decoder.next_event()
        if isinstance(event, NeedData):
            chunk = next(source, None)
            if chunk is None:
                return  # the end, or where it broke off: whoever waits for more knows
            decoder.receive_data(chunk)
            continue
        yield event


def _file(decoder: MultipartDecoder, source: Iterator[bytes]) -> Iterator[bytes]:
    ended = False
    try:
        for event in _events(decoder, source):
            if isinstance(event, Data):
                if event.data:
                    yield bytes(event.data)
                if not event.more_data:
                    ended = True
                    break
    except ValueError as exc:
        raise BadRequest("The multipart form is malformed.") from exc
    if not ended:
        raise BadRequest("The multipart form ends in the middle of the file.")
    for _ in source:  # what follows is not ours, but the connection has to be read to its end
        pass


def _counted(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise RequestEntityTooLarge(f"An upload may have at most {max_bytes} bytes.")
        yield chunk
    if total == 0:
        raise BadRequest("The upload is empty.")
