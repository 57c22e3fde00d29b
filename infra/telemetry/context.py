"""What the code at hand is about: the ids that each log line carries, and the trace that it is part of.

Context variables: each thread, task and greenlet has its own. A trace's place is kept as W3C Trace Context writes it
(`00-{trace id}-{span id}-{flags}`), so that it can be stored and sent as it is.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})\Z")

_ids: ContextVar[Mapping[str, object]] = ContextVar("darkroom_ids", default={})  # noqa: B039 - never changed in place
_traceparent: ContextVar[str | None] = ContextVar("darkroom_traceparent", default=None)


def ids() -> Mapping[str, object]:
    """The ids in force."""
    return _ids.get()


@contextmanager
def about(**more: object) -> Iterator[None]:
    """Within the block every log line carries these too; None says nothing."""
    token = _ids.set({**_ids.get(), **{name: value for name, value in more.items() if value is not None}})
    try:
        yield
    finally:
        _ids.reset(token)


def current_traceparent() -> str | None:
    """Where in which trace we are."""
    return _traceparent.get()


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Within the block this is where we are."""
    token = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _traceparent.reset(token)


def parse(traceparent: str | None) -> tuple[str, str, str] | None:
    """Trace id, span id and flags; None if it is no traceparent (https://www.w3.org/TR/trace-context/#traceparent-header)."""
    match = _TRACEPARENT.match(traceparent) if traceparent else None
    return (match[1], match[2], match[3]) if match else None


def mint() -> str:
    """A trace of its own, not sampled: for log lines that nobody else gave a trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def nearest(header: str | None, extension: str | None) -> str | None:
    """Whom to continue: the HTTP header is the last hop's word, the event's extension its sender's.

    The header stands while it is of the event's trace, or the event has none; a hop that began a trace of its own is passed over.
    """
    hop, sender = parse(header), parse(extension)
    if sender is None:
        return header if hop else None
    return header if hop and hop[0] == sender[0] else extension
