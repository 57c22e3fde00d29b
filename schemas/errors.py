"""What can be wrong with a contract, and the classes that a failure of work can have.

    ContractError
    ├── MalformedEvent      nobody could ever parse it: the only case for a 4xx
    ├── UnknownOperation    the catalogue has no such name or alias
    └── InvalidParameters   known operation, values out of bounds

How often each class is tried again is `gateway.domain.retry`'s decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """Why an attempt, a task or a media ended without its result."""

    BAD_INPUT = "bad-input"  # the media is broken: truncated, corrupt, not what its magic says
    UNSUPPORTED = "unsupported"  # a sound file of a kind that this operation or Darkroom does not take
    LIMIT = "limit"  # larger, longer or costlier than the limits allow
    TOOL = "tool"  # the tool failed on it and nobody knows why
    TIMEOUT = "timeout"  # no end, or no progress, before the deadline
    INFRA = "infra"  # a machine, the store or a process went away: not the media's fault
    CANCELLED = "cancelled"  # somebody asked for it


class ContractError(ValueError):
    """The root of this package's errors."""


class MalformedEvent(ContractError):
    """The bytes are no CloudEvent, or its data does not fit its type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownOperation(ContractError):
    """The catalogue has no operation or alias of this name."""

    def __init__(self, name: str, allowed: Sequence[str]) -> None:
        super().__init__(f"There is no operation {name!r}; there are {', '.join(allowed)}.")
        self.name = name
        self.allowed = tuple(allowed)


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """One field that is wrong: which, why, and what would be right."""

    field: str
    message: str
    allowed: str | None = None


class InvalidParameters(ContractError):
    """The operation is known, its parameters are out of bounds."""

    def __init__(self, operation: str, problems: Sequence[FieldProblem]) -> None:
        super().__init__(f"{operation}: " + "; ".join(f"{p.field}: {p.message}" for p in problems))
        self.operation = operation
        self.problems = tuple(problems)
