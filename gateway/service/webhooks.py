"""The word of a job's end, owed to its callback: written with the end itself, taken by one worker at a time, settled after each try."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gateway.domain.states import LIVE_TASKS
from gateway.domain.webhooks import Fate, WebhookState
from gateway.service.queries import Presigner, job_documents
from gateway.store.tables import NOW, ArtifactRow, JobRow, WebhookRow, after
from infra.objects.port import Objects
from schemas.envelope import Event
from schemas.events import GATEWAY_SOURCE, JOB_TYPES
from schemas.ids import uuid7
from schemas.jobs import JobEnded
from schemas.times import rfc3339

IN_HAND_S = 90.0
"""A worker that has not settled a webhook by then is dead: resolving, connecting and the deadline take less."""
KEPT = timedelta(days=30)
"""How long a settled webhook is remembered."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One webhook in a worker's hand. `tries`: those before this one."""

    id: str
    tenant: str
    job_id: str
    url: str
    event: Event
    tries: int


@dataclass(frozen=True, kw_only=True)
class _Unsigned(Presigner):
    """Leaves URLs out: they are signed when the event is sent."""

    objects: Any = None
    ttl_s: int = 0

    def url(self, artifact: ArtifactRow) -> str:
        return ""


def owe(session: Session, job: JobRow) -> None:
    """The locked job has just ended: its callback is owed a word of it, once."""
    if job.callback_url is None or job.state in LIVE_TASKS:
        return
    session.flush()
    session.refresh(job, ["finished_at"])
    document = job_documents(session, [job], _Unsigned())[0]
    ended = JobEnded.model_validate(document.model_dump(mode="json", by_alias=True))
    row = WebhookRow(
        id=uuid7(),
        tenant=job.tenant,
        job_id=job.id,
        ended_at=job.finished_at,
        url=job.callback_url,
        event_type=JOB_TYPES[job.state],
        data=ended.model_dump(mode="json", by_alias=True),
    )
    session.add(row)


def take_due(session: Session, limit: int) -> list[Webhook]:
    """Webhooks that are due, oldest first, for the caller alone during `IN_HAND_S`."""
    due = select(WebhookRow.id).where(WebhookRow.state == WebhookState.PENDING, WebhookRow.due_at <= NOW)
    rows = session.scalars(
        update(WebhookRow)
        .where(WebhookRow.id.in_(due.order_by(WebhookRow.due_at).limit(limit).with_for_update(skip_locked=True)))
        .values(due_at=after(IN_HAND_S))
        .returning(WebhookRow)
    ).all()
    return [
        Webhook(id=row.id, tenant=row.tenant, job_id=row.job_id, url=row.url, event=_event(row), tries=row.tries)
        for row in sorted(rows, key=lambda row: row.id)
    ]


def settle(session: Session, webhook: Webhook, fate: Fate, *, status: int | None, message: str | None) -> None:
    """Writes a try's outcome. One that comes after another worker's changes nothing, but that a receiver who has it has it."""
    change = update(WebhookRow).where(WebhookRow.id == webhook.id, WebhookRow.state == WebhookState.PENDING)
    if fate.state is not WebhookState.DELIVERED:
        change = change.where(WebhookRow.tries == webhook.tries)
    ended = fate.wait_s is None
    session.execute(
        change.values(
            state=fate.state,
            tries=WebhookRow.tries + 1,
            status=status,
            message=message,
            settled_at=NOW if ended else None,
            due_at=WebhookRow.due_at if fate.wait_s is None else after(fate.wait_s),
        )
    )


def forget_settled(session: Session) -> None:
    """Removes webhooks that were settled long ago."""
    session.execute(delete(WebhookRow).where(WebhookRow.settled_at < func.now() - KEPT))


def signed_urls(event: Event, objects: Objects, ttl_s: int) -> dict[str, Any]:
    """The event's data with a fresh URL for every artifact."""
    ended, presigner = JobEnded.model_validate(event.data), Presigner(objects=objects, ttl_s=ttl_s)
    expires_at = rfc3339(datetime.now(UTC) + timedelta(seconds=ttl_s))

    def signed(artifact: Any) -> Any:
        return artifact.model_copy(update={"url": presigner.url(artifact), "expires_at": expires_at})

    tasks = [task.model_copy(update={"artifacts": [signed(artifact) for artifact in task.artifacts]}) for task in ended.tasks]
    return ended.model_copy(update={"tasks": tasks}).model_dump(mode="json", by_alias=True)


def _event(row: WebhookRow) -> Event:
    return Event(
        id=row.id,
        source=GATEWAY_SOURCE,
        type=row.event_type,
        subject=row.job_id,
        time=rfc3339(row.ended_at),
        data=row.data,
        extensions={},
    )
