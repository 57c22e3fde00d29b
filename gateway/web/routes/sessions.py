"""Browsers sign in with a key, and out again: the page never holds the key, only a cookie that no script can read."""

from flask import Blueprint, Response, current_app, request

from gateway import documents
from gateway.domain.access import Principal
from gateway.service import keys
from gateway.web import auth, bodies, quotas
from gateway.web.context import answer, the_gateway, the_principal
from schemas.times import rfc3339

sessions = Blueprint("sessions", __name__)


@sessions.get("/session")
def get_session() -> Response:
    """Who asks, and what they may do."""
    return answer(_document(the_principal()))


@sessions.post("/session")
def post_session() -> Response:
    """Sets the cookie for a key. It counts as a request of that key: each leaves a row behind."""
    auth.check_origin()
    gateway = the_gateway()
    principal = auth.by_key(bodies.read_json(request, bodies.SessionBody).key)
    quotas.enter(current_app, principal)
    with gateway.database.transaction() as session:
        secret, expires_at = keys.open_session(session, principal, ttl_s=gateway.settings.session_ttl_s)
    document = documents.SignedInDocument(**_document(principal).model_dump(), expires_at=rfc3339(expires_at))
    response = answer(document, 201)
    _set_cookie(response, secret, max_age_s=gateway.settings.session_ttl_s)
    return response


@sessions.delete("/session")
def delete_session() -> Response:
    """Ends the session; without one there is nothing to do."""
    auth.check_origin()
    if cookie := request.cookies.get(auth.COOKIE):
        with the_gateway().database.transaction() as session:
            keys.close_session(session, cookie)
    response = Response(status=204)
    _set_cookie(response, "", max_age_s=0)
    return response


def _document(principal: Principal) -> documents.SessionDocument:
    return documents.SessionDocument(tenant=principal.tenant, scopes=sorted(principal.scopes), key_id=principal.key_id)


def _set_cookie(response: Response, value: str, *, max_age_s: int) -> None:
    secure = the_gateway().settings.public_url.startswith("https://")  # a browser keeps no such cookie of a plain http origin
    response.set_cookie(auth.COOKIE, value, max_age=max_age_s, path="/", httponly=True, samesite="Strict", secure=secure)
