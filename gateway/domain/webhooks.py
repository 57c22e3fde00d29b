"""What becomes of a webhook after each try, and what signs it. Sending is `gateway.worker.webhooks`' business."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from standardwebhooks import Webhook

WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
"""Seconds after each failed try: 85,355 in all, just under a day, and eleven tries."""
SPREAD = 0.1
"""A wait is longer by up to this part, so that what failed together does not come back together."""
GONE = 410


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


def fate(tries: int, status: int | None, *, luck: float) -> Fate:
    """What follows from a try.

    Args:
        tries: how many there were, with this one.
        status: of the receiver's answer; None where there was none.
        luck: 0 to 1, which spreads the waits.
    """
    if status is not None and 200 <= status < 300:
        return Fate(state=WebhookState.DELIVERED)
    if status == GONE:
        return Fate(state=WebhookState.REFUSED)
    if tries > len(WAITS_S):
        return Fate(state=WebhookState.GIVEN_UP)
    return Fate(state=WebhookState.PENDING, wait_s=WAITS_S[tries - 1] * (1 + SPREAD * luck))


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
