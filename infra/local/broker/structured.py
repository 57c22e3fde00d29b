"""CloudEvents in structured JSON, read as Knative's Go SDK 2.16 reads them, slips included.

`data` keeps the bytes as they were sent, the blank after the colon too; numbers lose their fraction; and
`data_base64` written with a blank after the colon is refused unless `datacontenttype` came before it.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator

from infra.local.broker.event import SPEC_VERSIONS, Event, MalformedEvent, canonical

_BLANK = re.compile(r"[ \t\r\n]*")
_TEXT_ATTRIBUTES = ("specversion", "id", "type", "source", "subject", "time", "dataschema")
_DECODER = json.JSONDecoder()
_INT32_MAX = 2**31 - 1


def decode_structured(body: bytes) -> Event:
    """Read a body of type application/cloudevents+json.

    Raises:
        MalformedEvent: no JSON object, or not one that the SDK takes.
    """
    attributes: dict[str, str] = {}
    content_type: str | None = None
    payload: tuple[str, str] | None = None
    payload_after_type = False
    for name, raw, value in _members(body):
        if name == "datacontenttype":
            content_type = _text(name, value) or None
        elif name in ("data", "data_base64"):
            payload, payload_after_type = (name, raw), content_type is not None
        elif name in _TEXT_ATTRIBUTES:
            attributes[name] = _text(name, value)
        elif value is not None:
            attributes[name] = _extension(name, value)
    if attributes.get("specversion") not in SPEC_VERSIONS:
        raise MalformedEvent(f"specversion {attributes.get('specversion')!r} is not one of {', '.join(SPEC_VERSIONS)}")
    if attributes.get("source") == "":
        raise MalformedEvent("source is empty")
    data = b"" if payload is None else _data(payload[0], payload[1], content_type, after_type=payload_after_type)
    trimmed = {name: value if name == "subject" else value.strip(" \t") for name, value in attributes.items()}
    return Event(attributes=canonical(trimmed), content_type=content_type, data=data)


def encode_structured(event: Event) -> bytes:
    """The event as one JSON object, as the SDK writes it: JSON data as it is, other text as a string, anything else in base64."""
    members: dict[str, object] = dict(event.attributes)
    if event.content_type is not None:
        members["datacontenttype"] = event.content_type
    if not event.data:
        return json.dumps(members).encode()
    try:
        members["data"] = json.loads(event.data) if _is_json(event.content_type) else event.data.decode()
    except ValueError:
        members["data_base64"] = base64.b64encode(event.data).decode()
    return json.dumps(members).encode()


def _is_json(content_type: str | None) -> bool:
    media_type = (content_type or "").partition(";")[0].strip()
    return media_type in ("", "application/json", "text/json") or media_type.endswith("+json")


def _members(body: bytes) -> Iterator[tuple[str, str, object]]:
    """Each member of the one JSON object: name, raw text from the colon to the value's end, value."""
    try:
        text = body.decode()
        position = _skip(text, 0)
        if text[position : position + 1] != "{":
            raise MalformedEvent("a structured event is one JSON object")
        position = _skip(text, position + 1)
        while text[position] != "}":
            name, position = _DECODER.raw_decode(text, position)
            position = _skip(text, position)
            if not isinstance(name, str) or text[position] != ":":
                raise MalformedEvent("a structured event is one JSON object")
            value, end = _DECODER.raw_decode(text, _skip(text, position + 1))
            yield name, text[position + 1 : end], value
            position = _skip(text, end)
            if text[position] == ",":
                position = _skip(text, position + 1)
            elif text[position] != "}":
                raise MalformedEvent("a structured event is one JSON object")
        if _skip(text, position + 1) != len(text):
            raise MalformedEvent("there is text after the event")
    except (UnicodeDecodeError, json.JSONDecodeError, IndexError, RecursionError) as exc:
        raise MalformedEvent("the body is no JSON") from exc


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedEvent(f"attribute {name} must be a string")
    return value


def _extension(name: str, value: object) -> str:
    """The header text of an extension: booleans as words, numbers as 32-bit integers without their fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) and math.isfinite(value) and -_INT32_MAX - 1 <= value <= _INT32_MAX:
        return str(int(value))
    if isinstance(value, str):
        return value
    raise MalformedEvent(f"extension {name} must be a string, a boolean or a 32-bit integer")


def _data(name: str, raw: str, content_type: str | None, *, after_type: bool) -> bytes:
    if name == "data_base64":
        if not after_type and not raw.startswith('"'):
            raise MalformedEvent("data_base64: the SDK takes a blank before it only after datacontenttype")
        try:
            return base64.b64decode(_text(name, json.loads(raw)), validate=True)
        except (binascii.Error, ValueError) as exc:
            raise MalformedEvent("data_base64 is no base64") from exc
    if _is_json(content_type):
        return raw.encode()
    return _text("data", json.loads(raw)).encode()
