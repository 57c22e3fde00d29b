"""The brokers' HTTP door: `POST /<namespace>/<broker>` with Knative's status codes, 202 only for what is stored."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from infra.local.broker.admission import RefusedEvent, admit
from infra.local.broker.binding import decode
from infra.local.broker.event import Event, MalformedEvent
from infra.local.errors import BrokerStoreUnavailable

_MAX_EVENT_BYTES = 32 << 20
_ALLOW = {"Allow": "POST, OPTIONS"}


def ingress_app(accept: Callable[[str, Event], Awaitable[None]], knows: Callable[[str], bool]) -> web.Application:
    """The aiohttp application.

    Args:
        accept: stores an admitted event of a broker (`namespace/name`); raises BrokerStoreUnavailable.
        knows: whether there is such a broker.
    """

    async def receive(request: web.Request) -> web.Response:
        broker = f"{request.match_info['namespace']}/{request.match_info['broker']}"
        if not knows(broker):
            return _answer(404, f"there is no broker {broker}")
        try:
            event = admit(decode(request.headers, await request.read()), datetime.now(UTC))
            await accept(broker, event)
        except (MalformedEvent, RefusedEvent) as exc:
            return _answer(400, str(exc))
        except BrokerStoreUnavailable as exc:
            return _answer(503, str(exc))
        return _answer(202, "")

    async def elsewhere(request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return _answer(200, "")
        if request.method != "POST":
            return _answer(405, "events come by POST")
        return _answer(400, "the path must be /<namespace>/<broker>")

    app = web.Application(client_max_size=_MAX_EVENT_BYTES)
    app.router.add_post("/{namespace}/{broker}", receive)
    app.router.add_route("*", "/{path:.*}", elsewhere)
    return app


def _answer(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers=_ALLOW)
