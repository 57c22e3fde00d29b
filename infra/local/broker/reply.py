"""What a subscriber's answer means: success, a reply event, or a failure with the status that the retries see.

Knative's filter handler sits between dispatcher and subscriber: a 2xx with a body that is no event becomes 502 there,
and such a failure leaves no error attributes in the dead letter.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace

from infra.local.broker.admission import TTL
from infra.local.broker.binding import decode, is_event
from infra.local.broker.event import Event, MalformedEvent

# Knative caps knativeerrordata at 1,024 characters of base64; beyond it the real dispatcher (1.23) crashes.
MAX_ERROR_BODY_BYTES = 768


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP response; `headers` is a case-insensitive mapping."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class NoAnswer:
    """The request failed below HTTP. `timed_out`: the delivery's own time limit ended it."""

    reason: str
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Success:
    """Delivered; `reply` goes back into the broker."""

    status: int
    reply: Event | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Not delivered.

    status: what the dispatcher sees; 0 after a timeout.
    retryable: whether the policy's retries apply.
    error: the attributes that a dead letter gains (without knativeerrordest), empty where Knative adds none.
    """

    status: int
    retryable: bool
    error: Mapping[str, str]


def judge(answer: Answer | NoAnswer, delivered: Event) -> Success | Failure:
    """The verdict on a subscriber's answer.

    Args:
        delivered: the event as the broker keeps it; its time to live goes on in the reply.
    """
    if isinstance(answer, NoAnswer):
        return _unanswered(answer)
    if not 200 <= answer.status < 300:
        return _refused(answer)
    if not is_event(answer.headers):
        return _not_an_event() if answer.body else Success(status=answer.status)
    try:
        reply = decode(answer.headers, answer.body)
    except MalformedEvent:
        return _not_an_event()
    typed = reply if reply.content_type or not reply.data else replace(reply, content_type=sniff(reply.data))
    return Success(status=answer.status, reply=typed.with_attributes(**{TTL: delivered.attributes.get(TTL)}))


def judge_sink(answer: Answer | NoAnswer) -> Success | Failure:
    """The verdict on a dead-letter sink's answer: only its status counts, there are no replies."""
    if isinstance(answer, NoAnswer):
        return _unanswered(answer)
    return Success(status=answer.status) if 200 <= answer.status < 300 else _refused(answer)


def refused_reply(status: int) -> Failure:
    """The broker's ingress would not take the reply: Knative then gives up the *request*, at once."""
    return Failure(status=status, retryable=False, error={"knativeerrorcode": str(status), "knativeerrordata": ""})


def is_retryable(status: int) -> bool:
    """Knative's `SelectiveRetry`: these, and everything from 500 up."""
    return status in (404, 408, 409, 429) or status >= 500


def sniff(data: bytes) -> str:
    """The Content-Type that Go's HTTP server gives a body without one; told apart here are text and the rest."""
    binary = any(byte < 0x09 or 0x0E <= byte <= 0x1A or 0x1C <= byte <= 0x1F for byte in data[:512])
    return "application/octet-stream" if binary else "text/plain; charset=utf-8"


def _unanswered(answer: NoAnswer) -> Failure:
    if answer.timed_out:
        return Failure(status=0, retryable=True, error={})
    return Failure(status=500, retryable=True, error=_error(500, f"dispatch error: {answer.reason}".encode()))


def _refused(answer: Answer) -> Failure:
    error = {} if answer.status == 304 else _error(answer.status, answer.body)
    return Failure(status=answer.status, retryable=is_retryable(answer.status), error=error)


def _error(status: int, body: bytes) -> dict[str, str]:
    data = base64.b64encode(body[:MAX_ERROR_BODY_BYTES]).decode()
    return {"knativeerrorcode": str(status), "knativeerrordata": data}


def _not_an_event() -> Failure:
    return Failure(status=502, retryable=True, error={})
