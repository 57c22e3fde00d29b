"""The text of an API key: `dk_`, its id, its secret, a checksum; made and taken apart. Pure but for the randomness.

The prefix and the checksum let a secret scanner know one that was pasted somewhere, and let the gateway refuse a typo without asking the
ledger. The id is no secret; the ledger keeps of the rest only a sha256. That is enough, and a slow hash would buy nothing: 26 random
characters of 62 are 154 bits, which nobody guesses however fast the hash, and every request would pay for it.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_CHARS, SECRET_CHARS, CHECKSUM_CHARS = 12, 26, 6  # 62 ** 6 > 2 ** 32
PATTERN = re.compile(rf"dk_([0-9A-Za-z]{{{ID_CHARS}}})[0-9A-Za-z]{{{SECRET_CHARS}}}[0-9A-Za-z]{{{CHECKSUM_CHARS}}}", re.ASCII)
TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""A tenant's name: a folder of the outputs, and the first segment of its bucket uploads."""
NO_TENANTS = frozenset({"media"})
"""The first segment of what the gateway itself writes."""


@dataclass(frozen=True, kw_only=True)
class Minted:
    """A new key. `text` is what its owner gets, once; `digest` is what is kept."""

    id: str
    text: str
    digest: str


def mint() -> Minted:
    """A key that nobody has."""
    key_id, secret = _random(ID_CHARS), _random(SECRET_CHARS)
    text = f"dk_{key_id}{secret}"
    text += checksum(text)
    return Minted(id=key_id, text=text, digest=digest(text))


def id_of(text: str) -> str | None:
    """The id in a key's text; None where it is no key."""
    match = PATTERN.fullmatch(text)
    return match[1] if match is not None and text.endswith(checksum(text[:-CHECKSUM_CHARS])) else None


def digest(text: str) -> str:
    """sha256, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that says nothing of where they differ."""
    return hmac.compare_digest(one, other)


def checksum(text: str) -> str:
    """CRC-32 in base 62, padded to six characters."""
    left, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_CHARS):
        left, digit = divmod(left, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def is_tenant(name: str) -> bool:
    """Whether a tenant may have this name."""
    return TENANT.fullmatch(name) is not None and name not in NO_TENANTS


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
