"""CloudEvents 1.0 over HTTP, by the CloudEvents SDK: the only file that imports it.

`Event` is what our code handles; `parse` and `to_binary` are its way in and out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from cloudevents.conversion import to_binary as sdk_to_binary
from cloudevents.conversion import to_structured as sdk_to_structured
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http

from schemas.errors import MalformedEvent
from schemas.events import MAX_EVENT_BYTES
from schemas.times import rfc3339

JSON = "application/json"
UNREADABLE_BYTES = 1000
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What stands for itself in a header of binary mode; all else is percent-encoded (CloudEvents HTTP binding 1.0.2, 3.1.3.2), since the
SDK's 1.x does neither way, and a key may hold anything."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A CloudEvent with JSON data. `extensions` holds every extension attribute as text: operation, lane, traceparent, …"""

    id: str
    source: str
    type: str
    data: Mapping[str, Any]
    subject: str | None = None
    time: str | None = None
    extensions: Mapping[str, str]

    @property
    def operation(self) -> str | None:
        return self.extensions.get("operation")

    @property
    def lane(self) -> str | None:
        return self.extensions.get("lane")

    @property
    def traceparent(self) -> str | None:
        return self.extensions.get("traceparent")

    def continuing(self, traceparent: str | None) -> "Event":
        """The event as the next hop of its trace sends it; None changes nothing."""
        return self if traceparent is None else replace(self, extensions={**self.extensions, "traceparent": traceparent})

    def reply(self, *, id: str, source: str, type: str, data: Mapping[str, Any]) -> "Event":
        """A new event about the same thing: subject, operation, lane and trace go on."""
        kept = {name: self.extensions[name] for name in ("operation", "lane", "traceparent") if name in self.extensions}
        return replace(self, id=id, source=source, type=type, data=data, time=now(), extensions=kept)


def now() -> str:
    """The time as RFC 3339 in UTC with Z."""
    return rfc3339(datetime.now(UTC))


def parse(headers: Mapping[str, str], body: bytes) -> Event:
    """A request or response, binary or structured mode, to an Event.

    Raises:
        MalformedEvent: no CloudEvent 1.0, or its data is no JSON object.
    """
    try:
        event = from_http({name: _decoded(name, value) for name, value in headers.items()}, body, data_unmarshaller=_json_object)
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise MalformedEvent(f"not a CloudEvent with JSON data: {str(exc)[:200]}") from exc
    attributes = {name: str(value) for name, value in event.get_attributes().items() if value is not None}
    missing = [name for name in ("id", "source", "type") if not attributes.get(name)]
    if missing or attributes.get("specversion") != "1.0":
        raise MalformedEvent(f"a CloudEvent 1.0 needs {', '.join(missing) or 'specversion 1.0'}")
    data = event.get_data()
    if not isinstance(data, dict):
        raise MalformedEvent("the data of a CloudEvent must be a JSON object here")
    core = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}
    return Event(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=attributes.get("subject"),
        time=attributes.get("time"),
        data=data,
        extensions={name: value for name, value in attributes.items() if name not in core},
    )


def torn(headers: Mapping[str, str], body: bytes) -> Event:
    """What is left of an event in binary mode whose data is no JSON object: its attributes, and as `data.unreadable` how the body begins.

    Raises:
        MalformedEvent: not even the attributes are those of a CloudEvent 1.0.
    """
    bare = {name: value for name, value in headers.items() if name.lower() not in ("content-type", "content-length")}
    event = parse({**bare, "Content-Type": JSON}, b"{}")
    return replace(event, data={"unreadable": body[:UNREADABLE_BYTES].decode(errors="replace").replace("\0", "\ufffd")})


def to_binary(event: Event) -> tuple[dict[str, str], bytes]:
    """An Event as HTTP headers and body in binary mode.

    Raises:
        MalformedEvent: larger than 32 KiB: events carry keys, never media.
    """
    headers, body = sdk_to_binary(_sdk(event), data_marshaller=_json_bytes)
    if len(body) > MAX_EVENT_BYTES:
        raise MalformedEvent(f"the data is {len(body)} bytes, at most {MAX_EVENT_BYTES} are allowed")
    return {name: quote(value, safe=_PLAIN) if name.startswith("ce-") else value for name, value in headers.items()}, body


def to_structured(event: Event) -> tuple[dict[str, str], bytes]:
    """An Event as HTTP headers and body in structured mode: all of it is in the body. Of any size."""
    headers, body = sdk_to_structured(_sdk(event), data_marshaller=lambda data: data)
    return dict(headers), body


def _sdk(event: Event) -> CloudEvent:
    attributes = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time or now(),
        "datacontenttype": JSON,
        **event.extensions,
    }
    if event.subject is not None:
        attributes["subject"] = event.subject
    return CloudEvent(attributes, dict(event.data))


def _decoded(name: str, value: str) -> str:
    return unquote(value) if name.lower().startswith("ce-") else value


def _json_object(raw: Any) -> Any:
    try:
        return json.loads(raw) if isinstance(raw, str | bytes) else raw
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _json_bytes(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
