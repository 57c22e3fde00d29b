"""The internal Flask application. Its answers are for machines: a status, and at most one short line.

An error body over 768 bytes takes Knative's channel dispatcher down.
"""

import logging
import threading
from functools import partial

from flask import Flask, Response, current_app, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from gateway.bootstrap import Gateway
from gateway.internal.ledger import LedgerCollector
from gateway.internal.oidc import IssuerUnavailable, NotForUs, check_delivery, check_from
from gateway.metrics.served import CONTENT_TYPE, exposition
from gateway.service import claims, dead_letters, inbox
from gateway.service.errors import Forged
from gateway.service.reaper import LISTENER_BEATS_EVERY_S, listener_beats
from gateway.store.database import DatabaseUnavailable, Unstorable
from infra.objects.port import ObjectStoreError
from infra.telemetry.context import about
from infra.telemetry.wsgi import traced
from schemas import envelope
from schemas.envelope import Event
from schemas.errors import MalformedEvent
from schemas.payloads import Heartbeat, HeartbeatAnswer

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {
    MalformedEvent: 400,
    ValidationError: 400,
    Unstorable: 400,
    NotForUs: 401,
    Forged: 403,
    DatabaseUnavailable: 503,
    ObjectStoreError: 503,
    IssuerUnavailable: 503,
}
MAX_PROBLEM_BYTES = 300
MAX_BODY_BYTES = 256 * 1024


def create_app(gateway: Gateway) -> Flask:
    """The application over one gateway."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions["darkroom"] = gateway
    app.extensions["darkroom.ledger"] = LedgerCollector(gateway)
    app.add_url_rule("/internal/events", view_func=post_event, methods=["POST"])
    app.add_url_rule("/internal/dead-letters", view_func=post_dead_letter, methods=["POST"])
    app.add_url_rule("/internal/heartbeats", view_func=post_heartbeat, methods=["POST"])
    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/metrics", view_func=get_metrics)
    app.before_request(partial(check_delivery, check_from(gateway.settings)))
    app.register_error_handler(Exception, _short)
    app.wsgi_app = traced(app.wsgi_app)  # type: ignore[assignment,method-assign]
    return app


def keep_beating(gateway: Gateway, stop: threading.Event) -> threading.Thread:
    """Says in the ledger that this listener is up, while it is: the reaper judges only those who could be heard."""

    def beat() -> None:
        while not stop.wait(LISTENER_BEATS_EVERY_S):
            try:
                with gateway.database.transaction() as session:
                    listener_beats(session)
            except DatabaseUnavailable as exc:
                log.warning("no database to beat in", extra={"reason": str(exc)})

    thread = threading.Thread(target=beat, name="listener-beats", daemon=True)
    thread.start()
    return thread


def post_event() -> Response:
    gateway = _gateway()
    event = _event()
    with about(**_ids(event)):
        inbox.take_in(gateway.database, gateway.objects, event, gateway.settings)
    return Response(status=204)


def post_dead_letter() -> Response:
    """Takes what nobody could read, too: a broker drops what its dead-letter sink refuses."""
    gateway = _gateway()
    headers, body = dict(request.headers), request.get_data(cache=False)
    try:
        event = envelope.parse(headers, body)
    except MalformedEvent:
        event = envelope.torn(headers, body)
    with about(**_ids(event)):
        dead_letters.sink(gateway.database, gateway.objects, event, gateway.settings)
    return Response(status=204)


def post_heartbeat() -> Response:
    gateway = _gateway()
    beat = Heartbeat.model_validate_json(request.get_data(cache=False))
    with gateway.database.transaction() as session:
        verdict = claims.heartbeat(session, beat, gateway.settings)
    return Response(HeartbeatAnswer(verdict=verdict).model_dump_json(), content_type="application/json")


def get_metrics() -> Response:
    return Response(exposition(current_app.extensions["darkroom.ledger"]), content_type=CONTENT_TYPE)


def healthz() -> Response:
    return Response(status=204)


def _gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["darkroom"]
    return gateway


def _event() -> Event:
    return envelope.parse(dict(request.headers), request.get_data(cache=False))


def _ids(event: Event) -> dict[str, str | None]:
    """What the log lines of an event's handling name."""
    attempt_id = event.data.get("attempt_id")
    return {"event_id": event.id, "media_id": event.subject, "attempt_id": attempt_id if isinstance(attempt_id, str) else None}


def _short(exc: Exception) -> Response:
    if isinstance(exc, HTTPException):
        return Response(exc.name, exc.code or 500, content_type="text/plain")
    status = next((STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS), 500)
    if status >= 500:
        log.error("an event was not taken in", exc_info=exc)
    short = f"{type(exc).__name__}: {exc}".encode(errors="replace")[:MAX_PROBLEM_BYTES].decode(errors="ignore")
    return Response(short, status, content_type="text/plain; charset=utf-8")
