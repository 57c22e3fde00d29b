"""What is counted of each public request, and its span's name: by route, never by path, so that a stranger cannot make up labels."""

from time import monotonic

from flask import Flask, Response, g, request

from gateway.metrics.measures import HTTP_DURATION, HTTP_REQUESTS
from infra.telemetry.wsgi import QUIET, SPAN


def install(app: Flask) -> None:
    """Before everything else, so that what is refused is counted, too."""
    app.before_request(_begin)
    app.after_request(_count)


def _begin() -> None:
    g.began_s = monotonic()
    if (hop := request.environ.get(SPAN)) is not None:
        hop.name(f"{request.method} {_route()}")


def _count(response: Response) -> Response:
    """Time is counted until the answer begins: a live stream's length is no latency."""
    if request.path not in QUIET:
        HTTP_REQUESTS.labels(_method(), _route(), response.status_code).inc()
        HTTP_DURATION.labels(_method(), _route()).observe(monotonic() - g.get("began_s", monotonic()))
    return response


def _route() -> str:
    return request.url_rule.rule if request.url_rule is not None else "none"


def _method() -> str:
    return request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
