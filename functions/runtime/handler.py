"""HTTP ⇄ CloudEvent: what a delivery is answered with. A body is a CloudEvent in binary mode, or short plain text, never anything else.

200 + event   the attempt's completed or failed
200, empty    nobody wants this work (stop), or its token is refused: never to be sent again
400           nobody could ever parse this as a request to this operation
503           the store, the gateway or disk space is not there, or another run has the attempt: send it again
"""

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus

from flask import Request, Response

from functions.errors import Stopped
from functions.media.formats import MediaLimits
from functions.runtime.attempt import NotNow, Surroundings, Work, run_attempt
from functions.runtime.exchange import MAX_MESSAGE_BYTES, answer, outcome_fields, understand
from functions.runtime.gateway import Gateway, GatewayUnavailable, Refused
from functions.runtime.log import LOG
from functions.runtime.measures import Measures
from functions.runtime.settings import BadSetting, Settings
from functions.runtime.workspace import sweep
from functions.sandbox import active_layers
from infra.objects.port import BadKey, StoreUnavailable
from infra.telemetry.context import nearest
from schemas.catalogue import CATALOGUE
from schemas.envelope import to_binary
from schemas.errors import MalformedEvent
from schemas.payloads import Failed

MAX_PROBLEM_BYTES = 768  # a longer one takes Knative's channel-based dispatcher down


_ANSWERS: dict[type[Exception], tuple[HTTPStatus, str]] = {
    MalformedEvent: (HTTPStatus.BAD_REQUEST, "malformed"),
    BadKey: (HTTPStatus.BAD_REQUEST, "malformed"),
    Stopped: (HTTPStatus.OK, "stopped"),
    Refused: (HTTPStatus.OK, "refused"),
    NotNow: (HTTPStatus.SERVICE_UNAVAILABLE, "not now"),
    GatewayUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "not now"),
    StoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "not now"),
    BadSetting: (HTTPStatus.SERVICE_UNAVAILABLE, "not configured"),
}
"""What each end without a payload is answered with, and the word for it in the log."""


class Handler:
    """One operation's entry. Safe for use by many threads; opens nothing before its first event."""

    def __init__(self, operation: str, work: Work, *, surroundings: Callable[[], Surroundings]) -> None:
        self._operation, self._work = CATALOGUE[operation], work
        self._open_surroundings = surroundings
        self._measures = Measures()
        self._lock = threading.Lock()
        self._around: Surroundings | None = None

    def __call__(self, request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return self._page(request.path)
        if request.method != "POST":
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, "a CloudEvent is sent by POST")
        began = time.monotonic()
        fields: dict[str, object] = {"operation": self._operation.name}
        with ExitStack() as delivery:
            response = self._answer(request, fields, delivery)
            fields |= {"status": response.status_code, "ms": round((time.monotonic() - began) * 1000)}
            LOG.info("event answered", extra=fields)
        self._measures.answered(str(fields["result"]), str(fields.get("class", "")))
        return response

    def _page(self, path: str) -> Response:
        if path == "/metrics":
            return Response(self._measures.exposition(self._operation.name), content_type="text/plain; version=0.0.4; charset=utf-8")
        return self._health() if path in ("/", "/healthz", "/readyz") else problem(HTTPStatus.NOT_FOUND, "no such page")

    def _health(self) -> Response:
        body = json.dumps({"operation": self._operation.name, "version": self._operation.version, "layers": active_layers()})
        return Response(body, mimetype="application/json")

    def _answer(self, request: Request, fields: dict[str, object], delivery: ExitStack) -> Response:
        """The response to one delivery; what the log should say goes into `fields`, and what it is about lasts as long as `delivery`."""
        hop = None
        try:
            asked = understand(self._operation, dict(request.headers), request.stream.read(MAX_MESSAGE_BYTES + 1))
            hop = delivery.enter_context(asked.hop(nearest(request.headers.get("traceparent"), asked.event.traceparent)))
            payload = run_attempt(asked.requested, asked.parameters, self._operation.version, self._work, self._get_around())
            fields |= outcome_fields(payload)
            if isinstance(payload, Failed):
                hop.fail(payload.failure)
            headers, body = to_binary(answer(asked, payload))
            return Response(body, status=HTTPStatus.OK, headers=headers)
        except tuple(_ANSWERS) as exc:
            status, fields["result"] = next(answer for kind, answer in _ANSWERS.items() if isinstance(exc, kind))
            fields["reason"] = str(exc)[:200]
            if hop is not None and status is not HTTPStatus.OK:
                hop.fail(str(fields["result"]))
            return _empty() if status is HTTPStatus.OK else problem(status, str(exc))
        except Exception:  # noqa: BLE001 - a bug of ours: a redelivery may meet another instance, and the gateway hears of it by the dead letter
            LOG.exception("a delivery could not be answered", extra=fields)
            fields["result"] = "error"
            if hop is not None:
                hop.fail("error")
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "an error of ours")

    def _get_around(self) -> Surroundings:
        with self._lock:
            if self._around is None:
                self._around = replace(self._open_surroundings(), measures=self._measures)
            return self._around


def open_surroundings() -> Surroundings:
    """The settings, the store and the gateway that the environment names.

    Raises:
        BadSetting: a variable is missing or makes no sense.
        StoreUnavailable: the store is not there.
    """
    from infra.objects.open import open_objects  # late: a cold start's first health check needs no store

    settings = Settings.from_environment()
    try:
        objects = open_objects(settings.object_store_url)
        url = settings.gateway_internal_url
        gateway = Gateway(url, timeout_s=settings.gateway_timeout_s) if url else None
        limits = MediaLimits.from_environment()
    except ValueError as exc:
        raise BadSetting(str(exc)) from exc
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    sweep(settings.work_dir)
    return Surroundings(settings=settings, objects=objects, gateway=gateway, limits=limits)


def problem(status: HTTPStatus, text: str) -> Response:
    """A short plain text, within what a dispatcher bears."""
    return Response(text.encode()[:MAX_PROBLEM_BYTES].decode(errors="ignore"), status=status, mimetype="text/plain")


def _empty() -> Response:
    response = Response(status=HTTPStatus.OK)
    del response.headers["Content-Type"]
    return response
