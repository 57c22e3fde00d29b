"""How often each class of failure is tried again, and how long to wait. The gateway owns this; the broker retries only silence."""

from dataclasses import dataclass, replace

from schemas.errors import FailureClass

MAX_TRIES_AGAIN = {FailureClass.INFRA: 5, FailureClass.TOOL: 1}
"""Tries after the first, per class. A class that is not here is never tried again on its lane."""

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Failures per class over a work since a client's last retry."""

    infra: int = 0
    tool: int = 0

    def plus(self, failure: FailureClass) -> "Counts":
        if failure is FailureClass.INFRA:
            return replace(self, infra=self.infra + 1)
        if failure is FailureClass.TOOL:
            return replace(self, tool=self.tool + 1)
        return self

    def of(self, failure: FailureClass) -> int:
        return {FailureClass.INFRA: self.infra, FailureClass.TOOL: self.tool}.get(failure, 0)


def allows_another(failure: FailureClass, counts: Counts) -> bool:
    """May a work be tried again after this failure?

    Args:
        counts: with this failure already counted.
    """
    return counts.of(failure) <= MAX_TRIES_AGAIN.get(failure, -1)


def backoff_s(failure: FailureClass, counts: Counts) -> float:
    """Seconds before the next attempt: 1, 2, 4, … up to 60 for `infra`, none for the others."""
    if failure is not FailureClass.INFRA or counts.infra == 0:
        return 0.0
    return float(min(FIRST_BACKOFF_S * 2 ** (counts.infra - 1), LONGEST_BACKOFF_S))
