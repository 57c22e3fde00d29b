"""The ingress's word on a decoded event: is it valid, has it time to live left, and what the broker adds to it."""

from datetime import datetime

from infra.local.broker.event import Event, utc_timestamp
from infra.local.broker.uri import is_absolute_uri

ARRIVAL = "knativearrivaltime"
TTL = "knativebrokerttl"

# The broker's `defaultTTL`: how many times an event and its replies may pass, one fewer per pass.
DEFAULT_TTL = 255
_INT32_MAX = 2**31 - 1


class RefusedEvent(ValueError):
    """The ingress answers 400, with this reason."""


def admit(event: Event, now: datetime) -> Event:
    """The event as the broker keeps it: with its time of arrival, and one pass less to live.

    Args:
        now: the current time, with a time zone.

    Raises:
        RefusedEvent: invalid by the specification, or its time to live is over.
    """
    validate(event)
    ttl = remaining_passes(event)
    if ttl <= 0:
        raise RefusedEvent("time to live is over")
    return event.with_attributes(**{TTL: str(ttl), ARRIVAL: utc_timestamp(now.isoformat())})


def remaining_passes(event: Event) -> int:
    """What is left after this pass. An event without a readable 32-bit number begins with all of them."""
    try:
        passes = float(event.attributes[TTL])
    except (KeyError, ValueError):
        return DEFAULT_TTL
    return int(passes) - 1 if -_INT32_MAX - 1 <= passes <= _INT32_MAX else DEFAULT_TTL


def validate(event: Event) -> None:
    """Raises RefusedEvent: invalid by the specification."""
    for name in ("id", "source", "type"):
        if not event.attributes.get(name, "").strip():
            raise RefusedEvent(f"{name}: MUST be a non-empty string")
    if not event.attributes.get("subject", "present").strip():
        raise RefusedEvent("subject: if present, MUST be a non-empty string")
    schema = event.attributes.get("dataschema")
    if schema is not None and not is_absolute_uri(schema):
        raise RefusedEvent("dataschema: if present, MUST be a valid absolute URI")
