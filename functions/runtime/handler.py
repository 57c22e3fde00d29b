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
from pydantic import ValidationError

from functions.errors import Stopped
from functions.runtime.attempt import NotNow, Surroundings, Work, run_attempt
from functions.runtime.gateway import Gateway, GatewayUnavailable, Refused
from functions.runtime.log import LOG
from functions.runtime.measures import Measures
from functions.runtime.settings import BadSetting, Settings
from functions.runtime.workspace import sweep
from functions.sandbox import active_layers
from infra.objects.port import BadKey, StoreUnavailable
from infra.telemetry.context import about, current_traceparent, nearest
from infra.telemetry.tracing import span
from schemas.catalogue import CATALOGUE
from schemas.envelope import Event, parse, to_binary
from schemas.errors import MalformedEvent
from schemas.events import COMPLETED, FAILED, MAX_EVENT_BYTES, REQUESTED, completed_id, failed_id, function_source
from schemas.parameters import Parameters
from schemas.payloads import Completed, Failed, Requested

MAX_PROBLEM_BYTES = 768  # a longer one takes Knative's channel-based dispatcher down
_MAX_BODY_BYTES = 2 * MAX_EVENT_BYTES  # structured mode: data and attributes


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
            event, requested, parameters = self._understand(request)
            ids = {"event_id": event.id, "media_id": event.subject, "work_id": requested.work_id, "attempt_id": requested.attempt_id}
            delivery.enter_context(about(**ids))
            sender = nearest(request.headers.get("traceparent"), event.traceparent)
            noted: dict[str, str | int] = {"darkroom.attempt_id": requested.attempt_id, "darkroom.bytes": requested.source.bytes}
            hop = delivery.enter_context(span(self._operation.name, kind="consumer", parent=sender, attributes=noted))
            payload = run_attempt(requested, parameters, self._operation.version, self._work, self._get_around())
            fields |= {"run_id": payload.run_id, "result": "completed"}
            if isinstance(payload, Failed):
                fields |= {"result": "failed", "class": payload.failure, "reason": payload.message}
                hop.fail(payload.failure)
            return self._reply(event, payload)
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

    def _understand(self, request: Request) -> tuple[Event, Requested, Parameters]:
        body = request.stream.read(_MAX_BODY_BYTES + 1)
        if len(body) > _MAX_BODY_BYTES:
            raise MalformedEvent(f"an event is at most {MAX_EVENT_BYTES} bytes")
        event = parse(dict(request.headers), body)
        if event.type != REQUESTED:
            raise MalformedEvent(f"this function takes {REQUESTED} alone")
        try:
            requested = Requested.model_validate(event.data)
            parameters = self._operation.parameters.model_validate(requested.parameters)
        except ValidationError as exc:
            places = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()[:4])
            raise MalformedEvent(f"the data is no request: {places}") from exc
        if requested.operation != self._operation.name or event.operation not in (None, self._operation.name):
            raise MalformedEvent(f"this function is {self._operation.name}")
        *folders, last = requested.output_prefix.split("/")
        if last or not folders or any(folder in ("", ".", "..") for folder in folders):
            raise MalformedEvent(f"output_prefix must be folders, each with a slash behind it, not {requested.output_prefix[:200]!r}")
        return event, requested, parameters

    def _reply(self, event: Event, payload: Completed | Failed) -> Response:
        kind, name = (FAILED, failed_id) if isinstance(payload, Failed) else (COMPLETED, completed_id)
        data = payload.model_dump(mode="json", by_alias=True, exclude_none=True)
        traced = event.continuing(current_traceparent())
        reply = traced.reply(id=name(payload.attempt_id), source=function_source(self._operation.name), type=kind, data=data)
        headers, body = to_binary(reply)
        return Response(body, status=HTTPStatus.OK, headers=headers)

    def _get_around(self) -> Surroundings:
        with self._lock:
            if self._around is None:
                self._around = replace(self._open_surroundings(), measures=self._measures)
                LOG.info("started", extra={"operation": self._operation.name, "layers": active_layers()})
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
    except ValueError as exc:
        raise BadSetting(str(exc)) from exc
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    sweep(settings.work_dir)
    return Surroundings(settings=settings, objects=objects, gateway=gateway)


def problem(status: HTTPStatus, text: str) -> Response:
    """A short plain text, within what a dispatcher bears."""
    return Response(text.encode()[:MAX_PROBLEM_BYTES].decode(errors="ignore"), status=status, mimetype="text/plain")


def _empty() -> Response:
    response = Response(status=HTTPStatus.OK)
    del response.headers["Content-Type"]
    return response
