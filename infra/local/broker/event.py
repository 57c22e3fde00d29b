"""What a CloudEvent is here: every context attribute as the text of a binary header, in the form that Knative's Go SDK 2.16 keeps.

Reading and writing HTTP messages is binding.py's job, deciding whether an event is acceptable admission.py's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from infra.local.broker.uri import normalise_uri_reference

SPEC_VERSIONS = ("1.0", "0.3")

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
    headers: the few HTTP headers that Knative hands on with an event (see `binding.handed_on`).
    """

    attributes: Mapping[str, str]
    content_type: str | None = None
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_attributes(self, **changes: str | None) -> "Event":
        """A copy with some attributes set, or removed where the value is None."""
        merged = {**self.attributes, **changes}
        return replace(self, attributes={name: value for name, value in merged.items() if value is not None})


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
