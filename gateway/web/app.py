"""The public Flask application: api.md's routes, thin."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, current_app, redirect, request, url_for
from flask import json as flask_json
from pydantic import BaseModel
from werkzeug.wrappers import Response as BaseResponse

from gateway import documents
from gateway.bootstrap import Gateway
from gateway.dashboard.pages import pages
from gateway.domain.states import MediaState, TaskState
from gateway.service import jobs as job_service
from gateway.service import letters, queries, stats, uploads
from gateway.service.cancel import cancel_job
from gateway.service.errors import Conflict, Gone, Invalid, NotFound
from gateway.service.jobs import NewJob, default_operations, distinct, lock_media
from gateway.service.removal import delete_media
from gateway.service.retry import original_is_there, probe_again, retry_job
from gateway.store.database import DatabaseUnavailable
from gateway.web import bodies, hardening, problems
from gateway.web.idempotency import idempotent, kept_in_flight
from gateway.web.live import Live
from gateway.web.pressure import Pressure
from gateway.web.uploads import clean_name, incoming, taken_type
from infra.objects.port import ObjectStoreError
from schemas import keys
from schemas.catalogue import CATALOGUE, DEFAULT_OPERATIONS, Request, resolve
from schemas.facts import Kind
from schemas.ids import is_id

TENANT = "default"
"""Everybody, until keys name tenants."""

api = Blueprint("api", __name__)


def create_app(gateway: Gateway) -> Flask:
    """The application over one gateway."""
    app = Flask(__name__, static_folder=None)
    app.extensions["darkroom"] = gateway
    presigner = queries.Presigner(objects=gateway.objects, ttl_s=gateway.settings.presign_ttl_s)
    app.extensions["darkroom.pressure"] = Pressure(gateway.database, gateway.settings)
    app.extensions["darkroom.live"] = Live(gateway.database, presigner, max_watchers=gateway.settings.max_watchers)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(api)
    app.register_blueprint(pages)
    problems.install(app)
    hardening.install(app, gateway.settings)
    return app


def _gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["darkroom"]
    return gateway


def _pressure() -> Pressure:
    pressure: Pressure = current_app.extensions["darkroom.pressure"]
    return pressure


def _presigner() -> queries.Presigner:
    gateway = _gateway()
    return queries.Presigner(objects=gateway.objects, ttl_s=gateway.settings.presign_ttl_s)


@api.url_value_preprocessor
def _ids_are_ids(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """What is no id names nothing, and never reaches the ledger."""
    for name, value in (values or {}).items():
        if name.endswith("_id") and not is_id(value):
            raise NotFound(name.removesuffix("_id"), repr(value[:80]))


def _answer(document: BaseModel | Mapping[str, Any], status: int = 200, location: str | None = None) -> Response:
    body = document.model_dump(mode="json", by_alias=True) if isinstance(document, BaseModel) else document
    response = Response(flask_json.dumps(body), status, content_type="application/json")
    if location is not None:
        response.headers["Location"] = location
    return response


# --- media ---------------------------------------------------------------------------------------------------------------------------


@api.post("/media")
@idempotent(_gateway, TENANT, upload=True)
def post_media() -> Response:
    gateway = _gateway()
    asked = _asked_for(request.args.get("operations"))
    found = incoming(request, max_bytes=gateway.settings.max_upload_bytes)
    with _pressure().uploading():
        media = uploads.upload(
            gateway.database, gateway.objects, gateway.settings, TENANT,
            filename=found.filename, content_type=found.content_type, operations=asked,
            chunks=kept_in_flight(gateway.database, TENANT, found.chunks),
        )  # fmt: skip
    return _answer(queries.media_document(media), 201, url_for("api.get_media", media_id=media.id))


def _asked_for(raw: str | None) -> Sequence[Any]:
    if raw is None:
        return default_operations(DEFAULT_OPERATIONS)
    return [] if raw == "none" else default_operations([name.strip() for name in raw.split(",")])


@api.get("/media")
def list_media() -> Response:
    state, kind = bodies.read_choice(request, "state", MediaState), bodies.read_choice(request, "kind", Kind)
    with _gateway().database.transaction() as session:
        return _answer(queries.list_media(session, TENANT, bodies.read_page(request), state=state, kind=kind))


@api.get("/media/<media_id>")
def get_media(media_id: str) -> Response:
    with _gateway().database.transaction() as session:
        return _answer(queries.media_document(queries.media_row(session, TENANT, media_id)))


@api.delete("/media/<media_id>")
def remove_media(media_id: str) -> Response:
    """Deletes it for good; deleting it again is fine."""
    gateway = _gateway()
    with gateway.database.transaction() as session:
        delete_media(session, TENANT, media_id, gateway.settings)
    return Response(status=204)


@api.get("/media/<media_id>/artifacts")
def get_artifacts(media_id: str) -> Response:
    with _gateway().database.transaction() as session:
        return _answer(queries.media_artifacts(session, TENANT, media_id, _presigner()))


@api.get("/media/<media_id>/original")
def get_original(media_id: str) -> BaseResponse:
    gateway = _gateway()
    with gateway.database.transaction() as session:
        media = queries.media_row(session, TENANT, media_id)
    if media.etag is None and media.expired_at is None:
        raise Conflict("The media's object has not come yet.")
    info = gateway.objects.head(keys.MEDIA_BUCKET, media.object_key)
    if media.gone_at is not None or info is None or info.etag != media.etag:
        raise Gone("The original was replaced or is gone.")
    url = gateway.objects.presign_get(
        keys.MEDIA_BUCKET,
        media.object_key,
        ttl_s=gateway.settings.presign_ttl_s,
        content_type="application/octet-stream",
        download_as=media.filename,
    )
    return redirect(url, 302)


@api.get("/media/<media_id>/similar")
def get_similar(media_id: str) -> Response:
    k = bodies.read_int(request, "k", default=10, low=1, high=100)
    with _gateway().database.transaction() as session:
        return _answer(queries.similar(session, TENANT, media_id, k))


@api.post("/media/<media_id>/probe")
@idempotent(_gateway, TENANT)
def post_probe(media_id: str) -> Response:
    """A failed media is probed again, where its object is still there."""
    gateway = _gateway()
    with gateway.database.transaction() as session:
        media = queries.media_row(session, TENANT, media_id)
    there = original_is_there(gateway.objects, media)
    with gateway.database.transaction() as session:
        media = lock_media(session, TENANT, media_id)
        if media.state != MediaState.FAILED or not there:
            raise Conflict("Only a failed media whose object is still there can be probed again.")
        probe_again(session, media, gateway.settings)
        return _answer(queries.media_document(media), 202, url_for("api.get_media", media_id=media.id))


# --- direct uploads ------------------------------------------------------------------------------------------------------------------


@api.post("/uploads")
@idempotent(_gateway, TENANT)
def post_uploads() -> Response:
    gateway = _gateway()
    asked = _asked_for(request.args.get("operations"))
    body = bodies.read_json(request, bodies.UploadBody)
    _pressure().check_queue()
    document = uploads.grant(
        gateway.database, gateway.objects, gateway.settings, TENANT,
        filename=clean_name(body.filename), content_type=taken_type(body.content_type), size_bytes=body.bytes, operations=asked,
    )  # fmt: skip
    return _answer(document, 201, url_for("api.get_media", media_id=document.media_id))


# --- jobs ----------------------------------------------------------------------------------------------------------------------------


@api.post("/jobs")
@idempotent(_gateway, TENANT)
def post_jobs() -> Response:
    gateway = _gateway()
    body = bodies.read_json(request, bodies.JobBody)
    requests = distinct([_resolved(item) for item in body.operations])
    _pressure().check_queue()
    wish = NewJob(media_id=body.media_id, requests=requests, priority=body.priority, callback_url=body.callback_url)
    with gateway.database.transaction() as session:
        job = job_service.create(session, TENANT, wish, gateway.settings)
        session.flush()
        document = queries.job_document(session, TENANT, job.id, _presigner())
    return _answer(document, 202, url_for("api.get_job", job_id=job.id))


def _resolved(item: str | bodies.OperationItem) -> Request:
    return resolve(item) if isinstance(item, str) else resolve(item.operation, item.parameters)


@api.get("/jobs")
def list_jobs() -> Response:
    state, media_id = bodies.read_choice(request, "state", TaskState), request.args.get("media_id")
    if media_id is not None and not is_id(media_id):
        raise Invalid("media_id is no id.")
    with _gateway().database.transaction() as session:
        return _answer(queries.list_jobs(session, TENANT, bodies.read_page(request), _presigner(), state=state, media_id=media_id))


@api.get("/jobs/<job_id>")
def get_job(job_id: str) -> Response:
    with _gateway().database.transaction() as session:
        return _answer(queries.job_document(session, TENANT, job_id, _presigner()))


@api.get("/jobs/<job_id>/events")
def get_job_events(job_id: str) -> Response:
    live: Live = current_app.extensions["darkroom.live"]
    return Response(live.stream(TENANT, job_id), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@api.delete("/jobs/<job_id>")
def delete_job(job_id: str) -> Response:
    """Cancels it. A job that has ended stays as it is."""
    gateway = _gateway()
    with gateway.database.transaction() as session:
        cancel_job(session, TENANT, job_id, gateway.settings)
        return _answer(queries.job_document(session, TENANT, job_id, _presigner()), 202)


@api.post("/jobs/<job_id>/retry")
@idempotent(_gateway, TENANT)
def post_retry(job_id: str) -> Response:
    """Failed tasks again: all, or one. An empty body means all."""
    gateway = _gateway()
    body = bodies.read_json(request, bodies.RetryBody) if bodies.read_raw(request) else bodies.RetryBody()
    retry_job(gateway.database, gateway.objects, TENANT, job_id, body.task_id, gateway.settings)
    with gateway.database.transaction() as session:
        return _answer(queries.job_document(session, TENANT, job_id, _presigner()), 202, url_for("api.get_job", job_id=job_id))


# --- dead letters --------------------------------------------------------------------------------------------------------------------


@api.get("/dead-letters")
def list_dead_letters() -> Response:
    with _gateway().database.transaction() as session:
        return _answer(letters.list_letters(session, bodies.read_page(request)))


@api.post("/dead-letters/<letter_id>/redrive")
@idempotent(_gateway, TENANT)
def post_redrive(letter_id: str) -> Response:
    gateway = _gateway()
    return _answer(letters.redrive(gateway.database, gateway.objects, letter_id, gateway.settings), 202)


# --- the rest ------------------------------------------------------------------------------------------------------------------------


@api.get("/operations")
def get_operations() -> Response:
    listed = [
        documents.OperationDocument(
            name=operation.name,
            version=operation.version,
            kinds=sorted(operation.kinds),
            parameters=operation.parameters.model_json_schema(),
            aliases={alias: parameters.model_dump(mode="json") for alias, parameters in operation.aliases.items()},
        )
        for operation in CATALOGUE.values()
        if operation.named_by_clients
    ]
    return _answer(documents.OperationList(operations=listed))


@api.get("/stats")
def get_stats() -> Response:
    gateway = _gateway()
    functions = stats.functions(gateway.settings.autoscaler_metrics_url, gateway.settings.scale_bounds)
    with gateway.database.transaction() as session:
        return _answer(stats.stats(session, TENANT, functions))


@api.get("/healthz")
def healthz() -> Response:
    return _answer({"status": "ok"})


@api.get("/readyz")
def readyz() -> Response:
    gateway = _gateway()
    checks: dict[str, str] = {}
    for name, check in (("database", gateway.database.ready), ("object_store", gateway.objects.ready)):
        try:
            check()
            checks[name] = "ok"
        except (DatabaseUnavailable, ObjectStoreError) as exc:
            checks[name] = f"unavailable: {type(exc).__name__}"
    ready = all(value == "ok" for value in checks.values())
    return _answer({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503)
