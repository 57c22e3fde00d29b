"""The way to the broker, for a run that nobody waits for: its reply is posted until the broker has it."""

import time
from collections.abc import Callable
from itertools import chain, repeat

import urllib3

from functions.runtime.log import LOG
from infra.identity import authorization
from infra.telemetry.context import current_traceparent
from schemas.envelope import Event, to_binary

REPLY_PATIENCE_S = 3600.0
"""How long a reply is worth posting: as long as the Triggers to the gateway try to deliver it."""
_ANSWER_PATIENCE_S = 660.0  # an in-memory channel answers only when every subscriber has
_REFUSED = frozenset({400, 413, 414, 415, 422, 431})
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
_LONGEST_PAUSE_S = 30.0


def post(url: str, event: Event, *, given_up: Callable[[], bool], patience_s: float = REPLY_PATIENCE_S) -> bool:
    """Posts the event until the broker has taken it. Returns whether it has.

    Args:
        url: the broker's ingress.
        given_up: asked between two tries: True ends them.
        patience_s: no new try after so many seconds.

    Raises:
        MalformedEvent: larger than an event may be.
    """
    headers, body = to_binary(event)
    if here := current_traceparent():
        headers["traceparent"] = here
    ends_at = time.monotonic() + patience_s
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=_ANSWER_PATIENCE_S)) as http:
        for pause_s in chain(_PAUSES_S, repeat(_LONGEST_PAUSE_S)):
            reason = _try(http, url, headers, body)
            if reason is None:
                return True
            LOG.warning("the broker has not taken the reply", extra={"reason": reason})
            if reason.startswith("refused") or given_up() or time.monotonic() + pause_s > ends_at:
                return False
            time.sleep(pause_s)
    raise AssertionError


def _try(http: urllib3.PoolManager, url: str, headers: dict[str, str], body: bytes) -> str | None:
    """None if it was taken, else why not."""
    try:
        status = http.request("POST", url, headers={**headers, **authorization()}, body=body).status
    except urllib3.exceptions.HTTPError as exc:
        return f"no answer: {type(exc).__name__}"
    if 200 <= status < 300:
        return None
    return f"refused with {status}" if status in _REFUSED else f"status {status}"
