"""Handing an event to the broker over connections that are kept."""

import urllib3

from infra.identity import authorization
from infra.telemetry.tracing import Span, span
from schemas.envelope import Event, to_binary

PATIENCE_S = 900
"""An in-memory channel answers only when every subscriber has: a sender that hung up sooner would cancel their work."""
_REFUSED = {400, 413}


class BrokerUnavailable(Exception):
    """The broker does not answer, or not with success: the notification must stay where it is."""


class EventRefused(Exception):
    """The broker will never take this event."""


class Broker:
    """The broker's ingress. Safe for use by many threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        timeout = urllib3.Timeout(connect=5, read=PATIENCE_S)
        self._http = urllib3.PoolManager(maxsize=8, timeout=timeout, retries=False)

    def send(self, event: Event) -> None:
        """Returns once the broker has the event for good.

        Raises:
            BrokerUnavailable, EventRefused, MalformedEvent: too large an event.
        """
        with span("publish upload", kind="producer", attributes={"messaging.message.id": event.id}) as hop:
            self._post(event.continuing(hop.traceparent), hop)

    def _post(self, event: Event, hop: Span) -> None:
        headers, body = to_binary(event)
        try:
            sent = {**headers, "traceparent": hop.traceparent, **authorization()}
            answer = self._http.request("POST", self._url, headers=sent, body=body)
        except urllib3.exceptions.HTTPError as exc:
            raise BrokerUnavailable(f"the broker does not answer: {type(exc).__name__}") from exc
        if answer.status in _REFUSED:
            raise EventRefused(f"the broker answered {answer.status}")
        if not 200 <= answer.status < 300:
            raise BrokerUnavailable(f"the broker answered {answer.status}")
