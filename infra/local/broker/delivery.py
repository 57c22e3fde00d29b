"""When a failed delivery is tried again, and when it is given up: Knative's channel dispatcher, as a pure decision.

Retry-After never counts: it needs `retryAfterMax`, which a default cluster refuses (and spec.py with it).
"""

from infra.local.broker.reply import Failure
from infra.local.broker.spec import DeliverySpec

# 2 ** 62 steps are past any clock; more would only overflow the float.
_MAX_DOUBLINGS = 62


def next_wait_s(spec: DeliverySpec, failed_attempt: int, failure: Failure) -> float | None:
    """Seconds until the next try, or None when the delivery is over.

    Args:
        failed_attempt: the number of the try that just failed, from 0.
    """
    if not failure.retryable or failed_attempt >= (spec.retry or 0):
        return None
    return max(0.0, backoff_s(spec, failed_attempt))


def backoff_s(spec: DeliverySpec, failed_attempt: int) -> float:
    """What the policy asks for after a failed try: exponential d, 2d, 4d …; linear 0, d, 2d …; 0 without policy and delay."""
    if spec.backoff_policy is None or spec.backoff_delay_s is None:
        return 0.0
    if spec.backoff_policy == "linear":
        return spec.backoff_delay_s * failed_attempt
    return spec.backoff_delay_s * 2.0 ** min(failed_attempt, _MAX_DOUBLINGS)
