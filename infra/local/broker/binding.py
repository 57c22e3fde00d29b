"""CloudEvents over HTTP: binary and structured mode in, binary mode out, as Knative's Go SDK 2.16 does it.

Header values travel as raw UTF-8: the SDK neither writes nor reads percent-encoding, though the specification asks for it, so `caf%C3%A9`
stays as it is. Batches are not events here.
"""

from collections.abc import Mapping
from dataclasses import replace

from infra.local.broker.event import SPEC_VERSIONS, Event, MalformedEvent, canonical
from infra.local.broker.structured import decode_structured

STRUCTURED = "application/cloudevents+json"

_PREFIX = "ce-"


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


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()
