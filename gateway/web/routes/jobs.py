"""Jobs: made, listed, watched, cancelled, tried again."""

from flask import Blueprint, Response, request, url_for

from gateway.domain.states import TaskState
from gateway.service import jobs as making
from gateway.service import queries
from gateway.service.cancel import cancel_job
from gateway.service.errors import Invalid
from gateway.service.jobs import NewJob, check_callback, distinct
from gateway.service.retry import retry_job
from gateway.web import bodies
from gateway.web.context import answer, the_gateway, the_live, the_presigner, the_pressure, the_tenant
from gateway.web.idempotency import idempotent
from gateway.web.streams import answer_live
from schemas.catalogue import Request, resolve
from schemas.ids import is_id

jobs = Blueprint("jobs", __name__)


@jobs.post("/jobs")
@idempotent()
def post_jobs() -> Response:
    gateway = the_gateway()
    body = bodies.read_json(request, bodies.JobBody)
    requests = distinct([_resolved(item) for item in body.operations])
    check_callback(body.callback_url, gateway.settings)
    the_pressure().check_queue()
    wish = NewJob(media_id=body.media_id, requests=requests, priority=body.priority, callback_url=body.callback_url)
    with gateway.database.transaction() as session:
        job = making.create(session, the_tenant(), wish, gateway.settings)
        session.flush()
        document = queries.job_document(session, the_tenant(), job.id, the_presigner())
    return answer(document, 202, url_for("jobs.get_job", job_id=job.id))


def _resolved(item: str | bodies.OperationItem) -> Request:
    return resolve(item) if isinstance(item, str) else resolve(item.operation, item.parameters)


@jobs.get("/jobs")
def list_jobs() -> Response:
    state, media_id = bodies.read_choice(request, "state", TaskState), request.args.get("media_id")
    if media_id is not None and not is_id(media_id):
        raise Invalid("media_id is no id.")
    with the_gateway().database.transaction() as session:
        page, q = bodies.read_page(request), bodies.read_search(request)
        return answer(queries.list_jobs(session, the_tenant(), page, the_presigner(), state=state, media_id=media_id, q=q))


@jobs.get("/jobs/<job_id>")
def get_job(job_id: str) -> Response:
    with the_gateway().database.transaction() as session:
        return answer(queries.job_document(session, the_tenant(), job_id, the_presigner()))


@jobs.get("/jobs/<job_id>/events")
def get_job_events(job_id: str) -> Response:
    return answer_live(the_live().stream(the_tenant(), job_id))


@jobs.delete("/jobs/<job_id>")
def delete_job(job_id: str) -> Response:
    """Cancels it. A job that has ended stays as it is."""
    gateway = the_gateway()
    with gateway.database.transaction() as session:
        cancel_job(session, the_tenant(), job_id, gateway.settings)
        return answer(queries.job_document(session, the_tenant(), job_id, the_presigner()), 202)


@jobs.post("/jobs/<job_id>/retry")
@idempotent()
def post_retry(job_id: str) -> Response:
    """Failed tasks again: all, or one. An empty body means all."""
    gateway = the_gateway()
    body = bodies.read_json(request, bodies.RetryBody) if bodies.read_raw(request) else bodies.RetryBody()
    retry_job(gateway.database, gateway.objects, the_tenant(), job_id, body.task_id, gateway.settings)
    with gateway.database.transaction() as session:
        return answer(queries.job_document(session, the_tenant(), job_id, the_presigner()), 202, url_for("jobs.get_job", job_id=job_id))
