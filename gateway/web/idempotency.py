"""`Idempotency-Key` for views: the decorator that every POST with effects wears. Which answers are kept is `gateway.service.idempotency`'s.

A JSON request is known by its path, query and body; an upload by its path, query and its file's sha256, which is known once it has been
stored, or, for the same again, once it has been read to its end.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from flask import Response, g, json, request
from werkzeug.exceptions import BadRequest

from gateway.bootstrap import Gateway
from gateway.service import idempotency
from gateway.service.idempotency import Answer, Kept
from gateway.store.database import Database
from gateway.web import bodies
from gateway.web.context import the_gateway, the_tenant
from gateway.web.uploads import incoming

HEADER = "Idempotency-Key"
MAX_KEY_CHARS = 255
RENEW_EVERY_S = 20.0

View = Callable[..., Response]


def idempotent(*, upload: bool = False, max_json_bytes: int = bodies.MAX_JSON_BYTES) -> Callable[[View], View]:
    """The same key and request of the same tenant, the same answer: status, body and Location.

    Args:
        upload: the view streams a file, and its answer's document has the `sha256`.
        max_json_bytes: of a JSON request.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(**values: Any) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return view(**values)
            _check(key)
            gateway, tenant = the_gateway(), the_tenant()
            database = gateway.database
            fingerprint = None if upload else _fingerprint(hashlib.sha256(bodies.read_raw(request, max_json_bytes)).hexdigest())
            with database.transaction() as session:
                kept = idempotency.claim(session, tenant, key, fingerprint)
            if kept is not None:
                if upload:
                    idempotency.check_same(kept.fingerprint, _fingerprint(_digest_of_upload(gateway)))
                return _again(kept.answer)
            return _run(database, tenant, key, fingerprint, lambda: view(**values))

        return answer

    return decorate


def kept_in_flight(database: Database, tenant: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """An upload's chunks; as long as they come, its key stays in flight."""
    key, renewed_s = g.get("idempotency_key"), time.monotonic()
    for chunk in chunks:
        if key is not None and time.monotonic() - renewed_s > RENEW_EVERY_S:
            with database.transaction() as session:
                idempotency.renew(session, tenant, key)
            renewed_s = time.monotonic()
        yield chunk


def _run(database: Database, tenant: str, key: str, fingerprint: str | None, view: Callable[[], Response]) -> Response:
    g.idempotency_key = key
    done = False
    try:
        response = view()
        done = 200 <= response.status_code < 300
    finally:
        if not done:
            with database.transaction() as session:
                idempotency.release(session, tenant, key)
    body = response.get_data(as_text=True)
    known = fingerprint or _fingerprint(json.loads(body)["sha256"])
    answer = Answer(status=response.status_code, body=body, location=response.headers.get("Location"))
    with database.transaction() as session:
        idempotency.keep(session, tenant, key, Kept(fingerprint=known, answer=answer))
    return response


def _check(key: str) -> None:
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise BadRequest(f"{HEADER} must be 1 to {MAX_KEY_CHARS} printable ASCII characters.")


def _fingerprint(digest: str) -> str:
    return hashlib.sha256(f"{request.method} {request.full_path} {digest}".encode()).hexdigest()


def _digest_of_upload(gateway: Gateway) -> str:
    digest = hashlib.sha256()
    for chunk in incoming(request, max_bytes=gateway.settings.max_upload_bytes).chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _again(kept: Answer) -> Response:
    response = Response(kept.body, kept.status, content_type="application/json")
    if kept.location is not None:
        response.headers["Location"] = kept.location
    return response
