"""Making jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain.callbacks import NotAllowed, check_literal, networks
from gateway.domain.states import MediaState
from gateway.service.admission import admit_all
from gateway.service.errors import Gone, Invalid, NotFound
from gateway.service.tasks import fail_queued_tasks_of_media, refresh_jobs
from gateway.service.works import URGENCY, attach, kind_misfit
from gateway.settings import Settings
from gateway.store.tables import JobRow, MediaRow, TaskRow
from schemas.catalogue import Request, resolve
from schemas.errors import FailureClass, FieldProblem
from schemas.facts import MediaFacts
from schemas.ids import is_id, uuid7

MAX_OPERATIONS = 32


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A client's wish, its operations resolved."""

    media_id: str
    requests: Sequence[Request]
    priority: str = "interactive"
    callback_url: str | None = None


def distinct(requests: Sequence[Request]) -> Sequence[Request]:
    """The same, once it is sure that none is repeated and that there are 1 to 32.

    Raises:
        Invalid.
    """
    if not 1 <= len(requests) <= MAX_OPERATIONS:
        raise Invalid(
            "A job needs operations.",
            [FieldProblem(field="operations", message=f"{len(requests)} given", allowed=f"1 to {MAX_OPERATIONS}")],
        )
    identities = [request.identity for request in requests]
    for identity in identities:
        if identities.count(identity) > 1:
            raise Invalid(
                f"{identity[0]} with the same parameters is asked for twice.",
                [FieldProblem(field="operations", message=f"{identity[0]} {identity[1]} is repeated", allowed="each once")],
            )
    return requests


def check_callback(url: str | None, settings: Settings) -> None:
    """Raises Invalid where no webhook could ever go to this URL."""
    if url is None:
        return
    if settings.webhook_key is None:
        raise Invalid(
            "This gateway sends no webhooks: its WEBHOOK_SIGNING_KEY is not set.", [FieldProblem(field="callback_url", message="not here")]
        )
    try:
        check_literal(url, networks(settings.callback_allowed_cidrs))
    except NotAllowed as exc:
        problem = FieldProblem(field="callback_url", message=str(exc), allowed="http(s)://host[:port]/…, on the public internet")
        raise Invalid(f"The callback_url will not do. {exc}", [problem]) from exc


def create(session: Session, tenant: str, wish: NewJob, settings: Settings) -> JobRow:
    """A job for a media in whatever state it is: tasks of one that is not probed yet wait for that.

    Raises:
        NotFound: no such media.
        Gone: it was deleted, never came, or is gone.
        Invalid: it was rejected, or an operation cannot fit its kind.
    """
    deleted = select(MediaRow.id).where(MediaRow.id == wish.media_id, MediaRow.tenant == tenant, MediaRow.deleted_at.is_not(None))
    if is_id(wish.media_id) and session.scalar(deleted) is not None:
        raise Gone("The media was deleted.")
    media = lock_media(session, tenant, wish.media_id)
    if media.state == MediaState.REJECTED:
        raise Invalid(f"The media was rejected: {media.error_message}")
    if media.state == MediaState.FAILED and (media.gone_at is not None or media.expired_at is not None):
        raise Gone("The media's original never came or is gone.")
    if media.state == MediaState.ACCEPTED:
        facts = MediaFacts.model_validate(media.facts)
        misfits = [misfit for request in wish.requests if (misfit := kind_misfit(request.operation, facts)) is not None]
        if misfits:
            raise Invalid(misfits[0], [FieldProblem(field="operations", message=misfit) for misfit in misfits])
    return add(session, media, [(r.operation.name, r.parameters.model_dump(mode="json")) for r in wish.requests], wish, settings)


def create_asked_for(session: Session, media: MediaRow, settings: Settings) -> None:
    """The operations that were asked for with the upload become a job like any other."""
    if media.operations:
        asked, media.operations = list(media.operations), []
        add(session, media, [(name, parameters) for name, parameters in asked], NewJob(media_id=media.id, requests=()), settings)


def add(session: Session, media: MediaRow, items: Sequence[tuple[str, dict[str, Any]]], wish: NewJob, settings: Settings) -> JobRow:
    job = JobRow(id=uuid7(), tenant=media.tenant, media_id=media.id, priority=wish.priority, callback_url=wish.callback_url)
    session.add(job)
    session.flush()
    tasks = [
        TaskRow(id=uuid7(), tenant=job.tenant, job_id=job.id, media_id=media.id, position=position, operation=name, parameters=parameters)
        for position, (name, parameters) in enumerate(items)
    ]
    session.add_all(tasks)
    session.flush()
    if media.state == MediaState.ACCEPTED:
        admit_all(session, attach_tasks(session, media, tasks, {job.id: URGENCY[job.priority]}, settings), settings)
    elif media.state == MediaState.FAILED:
        fail_queued_tasks_of_media(
            session, media.id, FailureClass(media.error_class or "infra"), media.error_message or "The media has failed."
        )
    return job


def attach_tasks(session: Session, media: MediaRow, tasks: Sequence[TaskRow], urgencies: dict[str, int], settings: Settings) -> set[str]:
    """Joins the tasks of an accepted media to their works and recounts the jobs. Works are locked in one order.

    Returns the operations that the caller admits at the end of its transaction.
    """
    for task in sorted(tasks, key=lambda one: (one.operation, sorted(one.parameters.items()), one.id)):
        attach(session, task, media, urgencies[task.job_id], settings)
    session.flush()
    refresh_jobs(session, {task.job_id for task in tasks})
    return {task.operation for task in tasks}


def attach_waiting(session: Session, media: MediaRow, settings: Settings) -> set[str]:
    """The media has just been accepted: every task that waited for that. Returns what `attach_tasks` does."""
    rows = session.execute(
        select(TaskRow, JobRow.priority)
        .join(JobRow, JobRow.id == TaskRow.job_id)
        .where(TaskRow.media_id == media.id, TaskRow.work_id.is_(None), TaskRow.state == "queued")
    ).all()
    urgencies = {task.job_id: URGENCY[priority] for task, priority in rows}
    return attach_tasks(session, media, [task for task, _ in rows], urgencies, settings)


def lock_media(session: Session, tenant: str, media_id: str) -> MediaRow:
    """The living media of this tenant, locked.

    Raises:
        NotFound.
    """
    query = select(MediaRow).where(MediaRow.id == media_id, MediaRow.tenant == tenant, MediaRow.deleted_at.is_(None))
    media = session.scalar(query.with_for_update()) if is_id(media_id) else None
    if media is None:
        raise NotFound("media", media_id)
    return media


def default_operations(names: Sequence[str]) -> list[list[Any]]:
    """Names of operations in the form that a media row keeps.

    Raises:
        UnknownOperation, InvalidParameters, Invalid.
    """
    requests = [resolve(name) for name in names]
    return [[r.operation.name, r.parameters.model_dump(mode="json")] for r in (distinct(requests) if requests else ())]
