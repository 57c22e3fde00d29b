"""Reading: rows to documents. Lists are newest first, by id (UUIDv7), with the last id as cursor."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from gateway import documents
from gateway.domain.states import TaskState
from gateway.domain.webhooks import WebhookState
from gateway.service.errors import Conflict, Gone, NotFound
from gateway.service.search import Fits, search
from gateway.store import vectors
from gateway.store.tables import ArtifactRow, AttemptRow, DeadLetterRow, JobRow, MediaRow, TaskRow, WebhookRow, WorkRow
from infra.objects.port import Objects
from schemas import keys
from schemas.facts import MediaFacts
from schemas.ids import is_id
from schemas.parameters import EmbedParameters
from schemas.times import rfc3339

Row = TypeVar("Row", MediaRow, JobRow)
Listed = TypeVar("Listed", MediaRow, JobRow, DeadLetterRow, WebhookRow)


@dataclass(frozen=True, kw_only=True)
class Presigner:
    """Hands out artifact URLs."""

    objects: Objects
    ttl_s: int

    def url(self, artifact: ArtifactRow) -> str:
        return self.objects.presign_get(keys.OUTPUTS_BUCKET, artifact.object_key, ttl_s=self.ttl_s, content_type=artifact.content_type)

    def download(self, artifact: ArtifactRow, filename: str) -> str:
        """A URL that browsers save under this name."""
        return self.objects.presign_get(
            keys.OUTPUTS_BUCKET, artifact.object_key, ttl_s=self.ttl_s, content_type=artifact.content_type, download_as=filename
        )


@dataclass(frozen=True, kw_only=True)
class Page:
    """Where a list goes on, and how much of it."""

    limit: int = 50
    cursor: str | None = None


def maybe_rfc3339(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _error(failure: str | None, message: str | None) -> documents.ErrorDocument | None:
    return None if failure is None else documents.ErrorDocument(failure=failure, message=message or "")


def media_row(session: Session, tenant: str, media_id: str) -> MediaRow:
    """Raises NotFound for what was deleted, never was, or is another tenant's."""
    media = session.scalar(select(MediaRow).where(MediaRow.id == media_id, MediaRow.tenant == tenant, MediaRow.deleted_at.is_(None)))
    if media is None:
        raise NotFound("media", media_id)
    return media


def media_document(media: MediaRow) -> documents.MediaDocument:
    return documents.MediaDocument(**media_fields(media))


def media_fields(media: MediaRow) -> dict[str, Any]:
    return {
        "media_id": media.id,
        "filename": media.filename,
        "content_type": media.content_type,
        "object_key": media.object_key,
        "bytes": media.bytes,
        "sha256": media.sha256,
        "state": media.state,
        "facts": None if media.facts is None else MediaFacts.model_validate(media.facts),
        "error": _error(media.error_class, media.error_message),
        "created_at": rfc3339(media.created_at),
    }


def list_media(
    session: Session, tenant: str, page: Page, *, state: str | None = None, kind: str | None = None, q: str | None = None
) -> documents.MediaList:
    rows, cursor = media_page(session, tenant, page, state=state, kind=kind, q=q)
    return documents.MediaList(media=[media_document(row) for row in rows], next_cursor=cursor)


def media_page(
    session: Session, tenant: str, page: Page, *, state: str | None, kind: str | None, q: str | None
) -> tuple[Sequence[MediaRow], str | None]:
    def fits(media: type[MediaRow], _: type[JobRow]) -> list[ColumnElement[bool]]:
        wanted = ((media.state, state), (media.kind, kind), (media.id, q if _is_id(q) else None))
        return [media.tenant == tenant, media.deleted_at.is_(None), *(column == one for column, one in wanted if one is not None)]

    return _page(session, MediaRow, fits, page, None if _is_id(q) else q)


def list_jobs(
    session: Session,
    tenant: str,
    page: Page,
    presigner: Presigner,
    *,
    state: str | None = None,
    media_id: str | None = None,
    q: str | None = None,
) -> documents.JobList:
    def fits(media: type[MediaRow], job: type[JobRow]) -> list[ColumnElement[bool]]:
        wanted = ((job.state, state), (job.media_id, media_id))
        named = [or_(job.id == q, job.media_id == q)] if _is_id(q) else []
        return [job.tenant == tenant, media.deleted_at.is_(None), *(column == one for column, one in wanted if one is not None), *named]

    rows, cursor = _page(session, JobRow, fits, page, None if _is_id(q) else q)
    return documents.JobList(jobs=job_documents(session, rows, presigner), next_cursor=cursor)


def _is_id(q: str | None) -> bool:
    return q is not None and is_id(q)


def _page(session: Session, row: type[Row], fits: Fits, page: Page, words: str | None) -> tuple[Sequence[Row], str | None]:
    """A page of a list, or of those in it whose filename has these words."""
    query = select(row).where(*fits(MediaRow, JobRow))
    if row is JobRow:
        query = query.join(MediaRow, MediaRow.id == JobRow.media_id)
    if words is not None:
        found, cursor = search(session, row, fits, words, limit=page.limit, cursor=page.cursor)
        return session.scalars(query.where(row.id.in_(found)).order_by(row.id.desc())).all(), cursor
    return read_page(session, query, row, page)


def read_page(session: Session, query: Select[Listed], row: type[Listed], page: Page) -> tuple[Sequence[Listed], str | None]:
    """The rows of a page of this query, newest first, and the cursor of the next, None at the end."""
    if page.cursor is not None:
        query = query.where(row.id < page.cursor)
    rows = session.scalars(query.order_by(row.id.desc()).limit(page.limit + 1)).all()
    return (rows, None) if len(rows) <= page.limit else (rows[: page.limit], rows[page.limit - 1].id)


def job_document(session: Session, tenant: str, job_id: str, presigner: Presigner) -> documents.JobDocument:
    """Raises NotFound; Gone where its media was deleted."""
    return job_documents(session, [living_job(session, tenant, job_id)], presigner)[0]


def living_job(session: Session, tenant: str, job_id: str) -> JobRow:
    """Raises NotFound for what never was or is another tenant's; Gone where its media was deleted."""
    found = session.execute(
        select(JobRow, MediaRow.deleted_at)
        .join(MediaRow, MediaRow.id == JobRow.media_id)
        .where(JobRow.id == job_id, JobRow.tenant == tenant)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound("job", job_id)
    job, deleted_at = found
    if deleted_at is not None:
        raise Gone("The job's media was deleted.")
    return job


def job_documents(session: Session, jobs: Sequence[JobRow], presigner: Presigner) -> list[documents.JobDocument]:
    """Whole job documents, in five queries however many there are, in six where any has a callback."""
    named = session.execute(select(MediaRow.id, MediaRow.filename).where(MediaRow.id.in_({job.media_id for job in jobs})))
    filenames: dict[str, str] = {media_id: filename for media_id, filename in named}  # noqa: C416  (a Row is no pair to mypy)
    tasks = session.scalars(select(TaskRow).where(TaskRow.job_id.in_([job.id for job in jobs])).order_by(TaskRow.position)).all()
    works = {task.work_id for task in tasks if task.work_id}
    attempts: dict[str, list[AttemptRow]] = defaultdict(list)
    for attempt in session.scalars(select(AttemptRow).where(AttemptRow.work_id.in_(works)).order_by(AttemptRow.number)):
        attempts[attempt.work_id].append(attempt)
    artifacts = artifacts_of(session, works, presigner)
    callbacks = _callbacks(session, [job.id for job in jobs if job.callback_url is not None and job.finished_at is not None])
    by_job: dict[str, list[documents.TaskDocument]] = defaultdict(list)
    for task in tasks:
        its_own = [a for a in attempts[task.work_id or ""] if task.finished_at is None or a.admitted_at <= task.finished_at]
        by_job[task.job_id].append(_task(task, its_own, artifacts[task.work_id or ""]))
    return [
        documents.JobDocument(
            job_id=job.id,
            media_id=job.media_id,
            filename=filenames[job.media_id],
            state=job.state,
            priority=job.priority,
            callback_url=job.callback_url,
            callback=callbacks.get(job.id),
            created_at=rfc3339(job.created_at),
            finished_at=maybe_rfc3339(job.finished_at),
            tasks=by_job[job.id],
        )
        for job in jobs
    ]


def _callbacks(session: Session, jobs: Sequence[str]) -> dict[str, documents.CallbackDocument]:
    """Each job's last webhook."""
    if not jobs:
        return {}
    rows = session.scalars(select(WebhookRow).where(WebhookRow.job_id.in_(jobs)).order_by(WebhookRow.ended_at))
    return {row.job_id: documents.CallbackDocument(**callback_fields(row)) for row in rows}


def callback_fields(row: WebhookRow) -> dict[str, Any]:
    """How far this word has come."""
    return {
        "webhook_id": row.id,
        "state": WebhookState(row.state),
        "tries": row.tries,
        "status": row.status,
        "message": row.message,
        "next_try_at": rfc3339(row.due_at) if row.state == WebhookState.PENDING else None,
        "redriven_at": maybe_rfc3339(row.redriven_at),
    }


def _task(task: TaskRow, attempts: Sequence[AttemptRow], artifacts: Sequence[documents.ArtifactDocument]) -> documents.TaskDocument:
    last = attempts[-1] if attempts else None
    done = task.state == TaskState.DONE
    return documents.TaskDocument(
        task_id=task.id,
        operation=task.operation,
        parameters=task.parameters,
        state=task.state,
        attempt=last.number if last else None,
        progress=1.0 if done else last.progress if last and task.state == TaskState.RUNNING else None,
        queued_at=rfc3339(task.queued_at),
        started_at=maybe_rfc3339(task.started_at),
        finished_at=maybe_rfc3339(task.finished_at),
        artifacts=list(artifacts) if done else [],
        error=_error(task.error_class, task.error_message),
        attempts=[
            documents.AttemptDocument(
                attempt=attempt.number,
                started_at=maybe_rfc3339(attempt.started_at),
                finished_at=maybe_rfc3339(attempt.finished_at),
                failure=attempt.failure_class,
                message=attempt.message,
                log_tail=attempt.log_tail,
            )
            for attempt in attempts
        ],
    )


def media_artifacts(session: Session, tenant: str, media_id: str, presigner: Presigner) -> documents.ArtifactList:
    """Every artifact that a done task of this media names."""
    media_row(session, tenant, media_id)
    works = done_works(session, [media_id])[media_id]
    found = artifacts_of(session, works, presigner)
    return documents.ArtifactList(artifacts=[artifact for work in sorted(found) for artifact in found[work]])


def done_works(session: Session, media_ids: Sequence[str]) -> dict[str, set[str]]:
    """The works of each media's done tasks."""
    rows = session.execute(
        select(JobRow.media_id, TaskRow.work_id)
        .join(JobRow, JobRow.id == TaskRow.job_id)  # by way of its jobs: tasks have no index on their media once they have ended
        .where(JobRow.media_id.in_(media_ids), TaskRow.state == TaskState.DONE)
    )
    works: dict[str, set[str]] = defaultdict(set)
    for media_id, work_id in rows:
        if work_id is not None:
            works[media_id].add(work_id)
    return works


def artifacts_of(session: Session, works: set[str] | set[str | None], presigner: Presigner) -> dict[str, list[documents.ArtifactDocument]]:
    expires_at = rfc3339(datetime.now(UTC) + timedelta(seconds=presigner.ttl_s))
    found: dict[str, list[documents.ArtifactDocument]] = defaultdict(list)
    rows = session.execute(
        select(ArtifactRow, WorkRow)
        .join(WorkRow, WorkRow.id == ArtifactRow.work_id)
        .where(ArtifactRow.work_id.in_(works))
        .order_by(ArtifactRow.work_id, ArtifactRow.position)
    ).all()
    for artifact, work in rows:
        found[work.id].append(
            documents.ArtifactDocument(
                artifact_id=artifact.id,
                operation=work.operation,
                parameters=_parameters(work),
                object_key=artifact.object_key,
                content_type=artifact.content_type,
                bytes=artifact.bytes,
                sha256=artifact.sha256,
                width_px=artifact.width_px,
                height_px=artifact.height_px,
                duration_ms=artifact.duration_ms,
                url=presigner.url(artifact),
                expires_at=expires_at,
            )
        )
    return found


def _parameters(work: WorkRow) -> dict[str, object]:
    from schemas.catalogue import CATALOGUE

    return CATALOGUE[work.operation].parameters.model_validate_json(work.canonical_parameters).model_dump(mode="json")


def similar(session: Session, tenant: str, media_id: str, k: int) -> documents.SimilarDocument:
    """The k nearest media, without itself; score = (1 + cosine) / 2.

    Raises:
        Conflict: it has no vector yet.
    """
    media = media_row(session, tenant, media_id)
    model = EmbedParameters().model
    near = vectors.similar(session, tenant=tenant, sha256=media.sha256 or "", model=model, limit=k + 1)
    if near is None:
        raise Conflict("The media has no vector yet: run embed on it first.")
    items = [
        documents.SimilarItem(media_id=n.media_id, score=min(1.0, max(0.0, (1 + n.cosine) / 2))) for n in near if n.media_id != media_id
    ]
    search: Literal["indexed", "exact"] = "indexed" if vectors.has_pgvector(session) else "exact"
    return documents.SimilarDocument(model=model, search=search, items=items[:k])
