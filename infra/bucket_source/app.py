"""The webhook. 2xx: the broker has it, or nobody ever will; 503: send it again. A store's queue stops at what is answered otherwise, so
only a wrong token gets a 4xx.
"""

import hmac
import json
import logging

from flask import Flask, Response, jsonify, request

from infra.bucket_source.adapter import records, upload
from infra.bucket_source.broker import Broker, BrokerUnavailable, EventRefused
from infra.bucket_source.quarantine import Quarantine
from infra.bucket_source.settings import Settings
from schemas.errors import MalformedEvent

_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> Flask:
    """The application; it opens no connection before the first notification."""
    app = Flask(__name__)
    broker = Broker(settings.k_sink)
    quarantine = Quarantine(settings.quarantine_file)
    token = settings.webhook_token.get_secret_value()

    @app.post("/")
    def notified() -> Response:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return _problem(401, "A bearer token is needed.")
        if not hmac.compare_digest(given.strip().encode(), token.encode()):
            return _problem(403, "This is not the token.")
        body = request.get_data()
        try:
            for record in records(body):
                _pass_on(record, broker, quarantine)
        except MalformedEvent as exc:
            quarantine.keep(body.decode(errors="replace"), str(exc))
        except BrokerUnavailable as exc:
            _log.warning("A notification must wait: %s", exc)
            return _problem(503, "The broker cannot take it now.")
        return Response(status=200)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok", quarantined=quarantine.count)

    return app


def _pass_on(record: object, broker: Broker, quarantine: Quarantine) -> None:
    try:
        event = upload(record)
        if event is not None:
            broker.send(event)
    except (MalformedEvent, EventRefused) as exc:
        quarantine.keep(json.dumps(record), str(exc))


def _problem(status: int, detail: str) -> Response:
    answer = jsonify(type="about:blank", status=status, detail=detail)
    answer.status_code, answer.mimetype = status, "application/problem+json"
    return answer
