"""CloudEvents over HTTP: binary and structured mode in, binary mode out, as Knative's Go SDK 2.16 does it.

An `Event` holds every context attribute as the text that a binary header carries. Header values travel as raw UTF-8:
the SDK neither writes nor reads percent-encoding, though the specification asks for it, so `caf%C3%A9` stays as it is.
Batches are not events here. Deciding whether a decoded event is acceptable is admission.py's job.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from infra.local.broker.uri import normalise_uri_reference

SPEC_VERSIONS = ("1.0", "0.3")
STRUCTURED = "application/cloudevents+json"

_PREFIX = "ce-"
_NAME = re.compile(r"[A-Za-z0-9]+\Z")
# Control characters but tab, and bytes that were no UTF-8 (they arrive as lone surrogates).
_UNSENDABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)\Z")


class MalformedEvent(ValueError):
    """The message claims to be a CloudEvent, but cannot be read as one."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One CloudEvent.

    attributes: every context attribute and extension but datacontenttype, by lower-case name, as header text.
    content_type: datacontenttype; None when the event has none.
    data: the body as it travels in binary mode.
    headers: the few HTTP headers that Knative hands on with an event (see `handed_on`).
    """

    attributes: Mapping[str, str]
    content_type: str | None = None
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_attributes(self, **changes: str | None) -> "Event":
        """A copy with some attributes set, or removed where the value is None."""
        merged = {**self.attributes, **changes}
        return replace(self, attributes={name: value for name, value in merged.items() if value is not None})


def is_event(headers: Mapping[str, str]) -> bool:
    """Whether a message with these headers (case-insensitive mapping) is in a CloudEvents mode that we read."""
    return _media_type(headers) == STRUCTURED or headers.get("ce-specversion", "") in SPEC_VERSIONS


def decode(headers: Mapping[str, str], body: bytes) -> Event:
    """Read an HTTP message, request or response.

    Args:
        headers: a case-insensitive mapping.
        body: the whole body.

    Raises:
        MalformedEvent: no event, or one that Knative's SDK would not parse.
    """
    if _media_type(headers) == STRUCTURED:
        from infra.local.broker.structured import decode_structured

        return replace(decode_structured(body), headers=handed_on(headers))
    if not is_event(headers):
        raise MalformedEvent("no CloudEvent: neither ce-specversion 1.0 or 0.3 nor Content-Type application/cloudevents+json")
    attributes = {}
    for header, value in headers.items():
        name = header.lower()
        if name.startswith(_PREFIX):
            attributes[name.removeprefix(_PREFIX)] = value.strip(" \t")
    if attributes.get("id") == "":
        raise MalformedEvent("ce-id is empty")
    if "datacontenttype" in attributes:
        raise MalformedEvent("ce-datacontenttype: in binary mode the data content type is the Content-Type header")
    content_type = headers.get("Content-Type")
    return Event(attributes=canonical(attributes), content_type=content_type, data=body, headers=handed_on(headers))


def encode(event: Event) -> dict[str, str]:
    """The headers of the event in binary mode; its body is `event.data`."""
    headers = dict(event.headers)
    headers.update((_PREFIX + name, value) for name, value in event.attributes.items())
    if event.content_type is not None:
        headers["Content-Type"] = event.content_type
    return headers


def handed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that Knative copies from one hop to the next: X-Request-Id, X-B3-*, Knative-* and Retry-After."""
    return {
        name.title(): value
        for name, value in headers.items()
        if name.lower() in ("x-request-id", "retry-after") or name.lower().startswith(("x-b3-", "knative-"))
    }


def canonical(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes as the SDK keeps them: names checked, times in UTC, URIs escaped, empty optional ones dropped.

    Raises:
        MalformedEvent: a name, time or URI that does not parse.
    """
    result = {}
    for name, value in attributes.items():
        if not _NAME.match(name):
            raise MalformedEvent(f"attribute name {name!r} must consist of letters and digits")
        if value == "" and name in ("subject", "time", "dataschema"):
            continue
        result[name.lower()] = _canonical_value(name, value)
    return result


def _canonical_value(name: str, value: str) -> str:
    if _UNSENDABLE.search(value):
        raise MalformedEvent(f"attribute {name} has characters that no HTTP header can carry")
    try:
        if name == "time":
            return utc_timestamp(value)
        if name in ("source", "dataschema"):
            return normalise_uri_reference(value)
    except ValueError as exc:
        raise MalformedEvent(f"attribute {name}: {exc}") from exc
    return value


def utc_timestamp(text: str) -> str:
    """An RFC 3339 time in UTC with up to nine decimals and no trailing zeros, as Go's RFC3339Nano writes it.

    Raises:
        ValueError: not in that format, or no such day.
    """
    match = _RFC3339.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no RFC 3339 time")
    day, clock, fraction, zone = match.groups()
    # The fraction stays text: datetime would cut it to microseconds.
    moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}").astimezone(UTC)
    decimals = (fraction or "").rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ("." + decimals if decimals else "") + "Z"


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()
