"""The attempt token: proof that whoever speaks of an attempt was handed its event."""

import hashlib
import hmac


def attempt_token(key: bytes, attempt_id: str) -> str:
    """HMAC-SHA256 over the attempt id (RFC 2104), in hex."""
    return hmac.new(key, attempt_id.encode(), hashlib.sha256).hexdigest()


def is_valid(key: bytes, attempt_id: str, token: str | None) -> bool:
    """Compared in constant time."""
    return token is not None and hmac.compare_digest(attempt_token(key, attempt_id).encode(), token.encode())
