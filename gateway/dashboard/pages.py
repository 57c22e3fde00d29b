"""Routes of the dashboard. The page reads the same API that clients do; who has to sign in first gets a page for that."""

from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from gateway.bootstrap import Gateway
from gateway.web.auth import must_sign_in

pages = Blueprint("pages", __name__)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self' {store}; img-src 'self' {store};"
    " media-src 'self' {store}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@pages.get("/")
def root() -> BaseResponse:
    return redirect("/dashboard", 302)


@pages.get("/dashboard")
def dashboard() -> BaseResponse:
    known_as = canonical(request.host, _gateway().settings.public_url)
    if known_as is not None:
        return redirect(known_as + "/dashboard", 302)
    return _asset("sign-in.html" if must_sign_in() else "dashboard.html")


@pages.get("/dashboard/<name>")
def asset(name: str) -> BaseResponse:
    if name not in _names() or name.endswith(".html"):
        raise NotFound(f"There is no page {name}.")
    return _asset(name)


def origin_of(url: str) -> str:
    """`scheme://host:port` of a URL, without credentials; empty for one that names no host, such as a folder's."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def canonical(host: str, public_url: str) -> str | None:
    """The gateway's own origin, for who came by another name of the same machine: the store lets no other origin's pages in.

    None for who came by the right name, and wherever the two are not one port of this machine.
    """
    came_by, public = urlsplit(f"//{host}"), urlsplit(public_url)
    both_here = {came_by.hostname, public.hostname} <= LOOPBACK
    same_port = came_by.port == public.port
    return origin_of(public_url) if both_here and same_port and came_by.hostname != public.hostname else None


def _gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["darkroom"]
    return gateway


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in (files("gateway.dashboard") / "assets").iterdir() if path.name.rpartition(".")[2] in TYPES)


def _asset(name: str) -> BaseResponse:
    body = (files("gateway.dashboard") / "assets" / name).read_bytes()
    response = Response(body, content_type=TYPES[name.rpartition(".")[2]])
    settings = _gateway().settings
    store = origin_of(settings.object_store_public_url or settings.object_store_url.get_secret_value())
    response.headers["Content-Security-Policy"] = CSP.format(store=store)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)
