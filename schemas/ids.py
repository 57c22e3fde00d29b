"""UUIDv7 text ids: unique, and in the order of their making (RFC 9562, section 5.7)."""

import secrets
import time
import uuid


def uuid7() -> str:
    """A new UUIDv7: 48 bits of Unix time in milliseconds, then 74 random bits."""
    ms = time.time_ns() // 1_000_000
    value = ms << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Is this the canonical text of a UUIDv7?"""
    try:
        value = uuid.UUID(text)
    except ValueError:
        return False
    return value.version == 7 and str(value) == text
