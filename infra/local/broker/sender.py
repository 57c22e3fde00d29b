"""One delivery request: an event by binary-mode POST, redirects followed as Go's HTTP client follows them."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace

import aiohttp
import yarl

from infra.local.broker.admission import TTL
from infra.local.broker.binding import encode
from infra.local.broker.event import Event
from infra.local.broker.reply import Answer, NoAnswer

# Kafka's default delivery timeout, and the longest that a Knative Service may take; the in-memory channel has no limit at all.
DEFAULT_TIMEOUT_S = 600.0

_MAX_REQUESTS = 10
# gunicorn drops idle connections after 2 s; one dropped while a request is on its way would look like a failed delivery.
_KEEPALIVE_S = 1.5
_MAX_HEADER_BYTES = 1 << 16


class Sender:
    """A pool of kept-alive connections. To be made and closed on the running loop."""

    def __init__(self) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_mark_reused)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, use_dns_cache=False),
            timeout=aiohttp.ClientTimeout(),
            trace_configs=[trace],
            skip_auto_headers=["Content-Type"],
            headers={"User-Agent": "darkroom-broker"},
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(
        self, url: str, event: Event, namespace: str, timeout_s: float | None, *, traceparent: str | None = None
    ) -> Answer | NoAnswer:
        """Send the event and return what came back; never raises for anything that the other side does.

        Args:
            namespace: of the Trigger, told to the subscriber as Kn-Namespace.
            timeout_s: for the whole request with its redirects and its answer's body.
            traceparent: this hop's place in the event's trace, as an HTTP header; the event's own attribute stays its sender's.
        """
        headers = {**encode(event), "Prefer": "reply", "Kn-Namespace": namespace}
        if traceparent is not None:
            headers["Traceparent"] = traceparent
        limit_s = DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._follow(yarl.URL(url), headers, event.data)
        except TimeoutError:
            return NoAnswer(reason=f"no answer in {limit_s} s", timed_out=True)
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return NoAnswer(reason=f'Post "{url}": {exc}')

    async def _follow(self, url: yarl.URL, headers: Mapping[str, str], body: bytes) -> Answer | NoAnswer:
        method, payload = "POST", body
        for _ in range(_MAX_REQUESTS):
            answer = await self._request(method, url, headers, payload)
            location = answer.headers.get("Location")
            if location is None or answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = url.join(yarl.URL(location))
            if answer.status in (301, 302, 303):
                method, payload = "GET", b""
        return NoAnswer(reason=f'Post "{url}": stopped after {_MAX_REQUESTS} redirects')

    async def _request(self, method: str, url: yarl.URL, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = SimpleNamespace(reused=False)
        while True:
            connection.reused = False
            try:
                async with self._session.request(
                    method, url, data=body or None, headers=headers, allow_redirects=False, trace_request_ctx=connection
                ) as response:
                    return Answer(status=response.status, headers=response.headers, body=await response.read())
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # The server closed a kept connection just as we took it: as Go does, try the next, at last a fresh one.
                if not connection.reused:
                    raise


def for_subscriber(event: Event) -> Event:
    """The event as a subscriber sees it: its time to live is the broker's own affair."""
    return event.with_attributes(**{TTL: None})


async def _mark_reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True
