"""How work can end badly: one tree, each leaf with its failure class.

    FunctionError
    ├── BadInput         the media is broken
    ├── Unsupported      a sound file that this operation does not take
    ├── LimitExceeded    larger, longer or costlier than allowed
    ├── ToolFailed       the tool failed and nobody knows why
    ├── TimedOut         no end, or no progress, before the deadline
    └── Infra            a machine, the store or a process went away
        └── SourceGone   the original is not there any more, or is another one
    Stopped              no failure: the gateway does not want this work any longer

How often each class is tried again is the gateway's decision.
"""

from typing import ClassVar

from schemas.errors import FailureClass


class FunctionError(Exception):
    """The work ended without its result.

    Args:
        message: one sentence for people; no paths, no internals.
        log_tail: the tool's last lines, for whoever looks closer.
    """

    failure: ClassVar[FailureClass]

    def __init__(self, message: str, *, log_tail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.log_tail = log_tail


class BadInput(FunctionError):
    """The media is truncated, corrupt, or not what its first bytes say."""

    failure = FailureClass.BAD_INPUT


class Unsupported(FunctionError):
    """A sound file of a kind that this operation, or Darkroom, does not take."""

    failure = FailureClass.UNSUPPORTED


class LimitExceeded(FunctionError):
    """The media asks for more pixels, time, memory or space than the limits allow."""

    failure = FailureClass.LIMIT


class ToolFailed(FunctionError):
    """A decoder or encoder failed for no reason that we know."""

    failure = FailureClass.TOOL


class TimedOut(FunctionError):
    """The deadline passed, or the tool fell silent."""

    failure = FailureClass.TIMEOUT


class Infra(FunctionError):
    """Not the media's fault: a machine, the store or a process went away."""

    failure = FailureClass.INFRA


class SourceGone(Infra):
    """The original is gone, or was replaced by other bytes (404 or 412 on its ETag)."""


class Stopped(Exception):
    """The gateway said stop: the event is answered 200 with no body."""


BY_NAME = {kind.__name__: kind for kind in (BadInput, Unsupported, LimitExceeded, ToolFailed, TimedOut, Infra, SourceGone)}
"""The concrete failures by name: how one crosses a process boundary."""
