"""Text from outside made such that PostgreSQL can hold it. What a tool says about a hostile file may hold anything."""

from dataclasses import replace
from typing import Any

from schemas.envelope import Event

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def scrubbed(value: Any) -> Any:
    """The same JSON with U+FFFD for what neither `text` nor `jsonb` takes: NUL, and halves of surrogate pairs."""
    if isinstance(value, str):
        plain = value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)
        return (value if plain else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")).replace("\0", REPLACEMENT)
    if isinstance(value, dict):
        return {scrubbed(key): scrubbed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [scrubbed(one) for one in value]
    return value


def scrubbed_event(event: Event) -> Event:
    """An event whose every text can be kept."""
    return replace(
        event,
        id=scrubbed(event.id),
        source=scrubbed(event.source),
        type=scrubbed(event.type),
        subject=scrubbed(event.subject),
        data=scrubbed(dict(event.data)),
        extensions=scrubbed(dict(event.extensions)),
    )
