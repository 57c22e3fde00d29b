"""Routes of the dashboard. The page reads the same API that clients do; who has to sign in first gets a page for that."""

from importlib.resources import files

from flask import Blueprint, Response, current_app, redirect
from werkzeug.wrappers import Response as BaseResponse

from gateway.web.auth import must_sign_in

pages = Blueprint("pages", __name__)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {store}; img-src 'self' {store}; media-src 'self' {store};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSETS = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "sign-in.js": "text/javascript"}


@pages.get("/")
def root() -> BaseResponse:
    return redirect("/dashboard", 302)


@pages.get("/dashboard")
def dashboard() -> Response:
    return _asset("sign-in.html" if must_sign_in() else "dashboard.html", "text/html")


@pages.get("/dashboard/<name>")
def asset(name: str) -> Response:
    if name not in ASSETS:
        from werkzeug.exceptions import NotFound

        raise NotFound(f"There is no page {name}.")
    return _asset(name, ASSETS[name])


def _asset(name: str, content_type: str) -> Response:
    text = (files("gateway.dashboard") / "assets" / name).read_text("utf-8")
    response = Response(text, content_type=f"{content_type}; charset=utf-8")
    store = current_app.extensions["darkroom"].settings.object_store_public_url or ""
    response.headers["Content-Security-Policy"] = CSP.format(store=store)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
