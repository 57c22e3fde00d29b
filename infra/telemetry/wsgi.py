"""A span around each request of a WSGI application, joined to whoever sent it."""

from collections.abc import Callable, Iterable
from typing import Any

from infra.telemetry.context import nearest
from infra.telemetry.tracing import Span, span

SPAN = "darkroom.span"
"""Where in the environ the request's span is: the application knows a better name for it."""
QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/internal/heartbeats"})
"""Asked so often that nobody wants a span of each."""

_Answer = Iterable[bytes]
_Application = Callable[[dict[str, Any], Callable[..., Any]], _Answer]


def traced(application: _Application) -> _Application:
    """The application, each request a span: a server's, or for a CloudEvent in binary mode a consumer's. It ends when the answer begins."""

    def handle(request: dict[str, Any], start_response: Callable[..., Any]) -> _Answer:
        if request["PATH_INFO"] in QUIET:
            return application(request, start_response)
        method, event_type = request["REQUEST_METHOD"], request.get("HTTP_CE_TYPE")
        parent = nearest(request.get("HTTP_TRACEPARENT"), request.get("HTTP_CE_TRACEPARENT"))
        attributes = {"http.request.method": method, "url.path": request["PATH_INFO"]}
        name, kind = (f"process {event_type}", "consumer") if event_type else (method, "server")
        with span(name, kind=kind, parent=parent, attributes=attributes) as hop:  # type: ignore[arg-type]
            request[SPAN] = hop
            return application(request, _listening(start_response, hop))

    return handle


def _listening(start_response: Callable[..., Any], hop: Span) -> Callable[..., Any]:
    def start(status: str, *rest: Any) -> Any:
        code = int(status[:3])
        hop.note({"http.response.status_code": code})
        if code >= 500:
            hop.fail(status)
        return start_response(status, *rest)

    return start
