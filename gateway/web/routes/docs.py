"""The API's description, for machines and for people: Swagger UI, whole from its package, over the document."""

from functools import cache
from importlib.resources import files

from flask import Blueprint, Response, current_app, json
from werkzeug.exceptions import NotFound

from gateway.web import access, auth
from gateway.web.openapi.document import build

docs = Blueprint("docs", __name__)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI's icons are `data:` pictures in its style sheet. It needs nothing else beyond this origin, and no inline script or style."""
_SWAGGER = files("flask_openapi_swagger") / "templates" / "swagger"
_OWN = files("gateway.web") / "assets"
ASSETS = {
    "docs.js": (_OWN, "text/javascript"),
    "docs.css": (_OWN, "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER / "js", "text/javascript"),
    "swagger-ui.css": (_SWAGGER / "css", "text/css"),
}


@docs.get("/openapi.json")
def get_openapi() -> Response:
    return Response(_document(keys_demanded=auth.keys_demanded()), content_type="application/json")


@docs.get("/docs")
def get_docs() -> Response:
    return _page((_OWN / "docs.html").read_bytes(), "text/html")


@docs.get("/docs/<name>")
def get_docs_asset(name: str) -> Response:
    if name not in ASSETS:
        raise NotFound(f"There is no page {name}.")
    folder, content_type = ASSETS[name]
    return _page((folder / name).read_bytes(), content_type)


def _page(content: bytes, content_type: str) -> Response:
    response = Response(content, content_type=f"{content_type}; charset=utf-8")
    response.headers["Content-Security-Policy"] = CSP
    return response


@cache
def _document(*, keys_demanded: bool) -> str:
    """As text: the same for the whole life of a process."""
    return json.dumps(build(current_app.url_map, access.ROUTES, keys_demanded=keys_demanded))
