"""What becomes of a webhook after each try, and what signs it. Sending is `gateway.worker.webhooks`' business."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, StrEnum, auto

from standardwebhooks import Webhook

WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
"""Seconds after each failed try: 85,355 in all, just under a day, and eleven tries."""
SPREAD = 0.1
"""A wait is longer by up to this part, so that what failed together does not come back together."""
GONE = 410
LATER = frozenset({429, 503})
"""Answers whose Retry-After is heeded."""
LONGEST_ASKED_S = WAITS_S[-1]
"""A receiver may put the next try off for as long as our own longest wait, and no longer."""
MAX_RETRY_AFTER_CHARS = 64


class WebhookState(StrEnum):
    """How far the word of a job's end has come."""

    PENDING = "pending"  # owed: due now, or after a wait
    DELIVERED = "delivered"  # the receiver answered 2xx
    REFUSED = "refused"  # the receiver answered 410: it wants no more of it
    GIVEN_UP = "given_up"  # every try failed


@dataclass(frozen=True, kw_only=True)
class Fate:
    """`wait_s`: until the next try, in seconds; None where there is none."""

    state: WebhookState
    wait_s: float | None = None


def fate(tries: int, status: int | None, *, luck: float, asked_s: float | None = None) -> Fate:
    """What follows from a try.

    Args:
        tries: how many there were, with this one.
        status: of the receiver's answer; None where there was none.
        luck: 0 to 1, which spreads the waits.
        asked_s: the answer's Retry-After in seconds from now. It puts the next try off, never forward: a receiver that always says 1
            would have used up its tries in seconds.
    """
    if status is not None and 200 <= status < 300:
        return Fate(state=WebhookState.DELIVERED)
    if status == GONE:
        return Fate(state=WebhookState.REFUSED)
    if tries > len(WAITS_S):
        return Fate(state=WebhookState.GIVEN_UP)
    wait_s = float(WAITS_S[tries - 1])
    if status in LATER and asked_s is not None:
        wait_s = max(wait_s, min(asked_s, LONGEST_ASKED_S))
    return Fate(state=WebhookState.PENDING, wait_s=wait_s * (1 + SPREAD * luck))


def asked_wait_s(retry_after: str | None, now: datetime) -> float | None:
    """A Retry-After header as seconds from `now`: RFC 9110 has it as whole seconds or as an HTTP date. None where it is neither.

    A date that has passed is 0.
    """
    text = (retry_after or "").strip()
    if not text or len(text) > MAX_RETRY_AFTER_CHARS:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)  # an HTTP date is in GMT, whatever it lacks
    return max(0.0, (at - now).total_seconds())


class Again(Enum):
    """What redriving a webhook does."""

    RENEW = auto()  # as if its job had ended just now: all tries anew, under the same id
    HURRY = auto()  # its next try now, not after its wait
    REFUSE = auto()  # the receiver has it


def again(state: WebhookState) -> Again:
    """Decides. That a receiver once answered 410 does not bind whoever redrives it: a person knows better by then."""
    match state:
        case WebhookState.GIVEN_UP | WebhookState.REFUSED:
            return Again.RENEW
        case WebhookState.PENDING:
            return Again.HURRY
        case _:
            return Again.REFUSE


def tenant_secret(key: bytes, tenant: str) -> str:
    """The secret that a tenant's receivers check signatures with, in Standard Webhooks' form: `whsec_` and base64.

    Each tenant has its own, made of the deployment's one key: none of them can sign for another.
    """
    return "whsec_" + base64.b64encode(hmac.new(key, f"webhook:{tenant}".encode(), hashlib.sha256).digest()).decode()


def signed_headers(secret: str, webhook_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks 1.0 for this body, at this moment."""
    at = at.astimezone(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }
