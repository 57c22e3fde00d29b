"""Attaching tasks to works: two jobs that want the same result of the same bytes share one."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.domain import work as machine
from gateway.domain.lanes import lane_for, too_long
from gateway.domain.states import TaskState, WorkState
from gateway.service.tasks import end_task
from gateway.settings import Settings
from gateway.store.tables import NOW, MediaRow, TaskRow, WorkRow
from infra.telemetry.context import current_traceparent
from schemas.catalogue import CATALOGUE
from schemas.errors import FailureClass
from schemas.events import Lane
from schemas.facts import MediaFacts
from schemas.ids import uuid7
from schemas.operation import Operation
from schemas.parameters import Parameters

URGENCY = {"interactive": 0, "bulk": 1}


def attach(session: Session, task: TaskRow, media: MediaRow, urgency: int, settings: Settings) -> None:
    """A queued task of an accepted media joins its work, or ends at once: done already, or impossible.

    The caller holds the media's lock, admits the operation afterwards and refreshes the job.
    """
    assert media.sha256 is not None
    operation = CATALOGUE[task.operation]
    parameters = operation.parameters.model_validate(task.parameters)
    facts = MediaFacts.model_validate(media.facts)
    if (misfit := kind_misfit(operation, facts)) is not None:
        end_task(task, TaskState.FAILED, FailureClass.UNSUPPORTED, misfit)
        return
    predicted_s, job_lane = operation.predict_s(parameters, facts), operation.name in settings.job_slots
    lane = lane_for(operation, predicted_s, request_limit_s=settings.request_limit_s, job_lane=job_lane)
    if lane is None:
        end_task(task, TaskState.FAILED, FailureClass.LIMIT, too_long(operation, predicted_s, job_lane=job_lane))
        return
    identity = Identity(tenant=media.tenant, content=media.sha256, operation=operation, parameters=parameters)
    work = locked_work(session, identity, urgency=urgency, lane=lane, job_lane=job_lane)
    task.work_id = work.id
    if work.state == WorkState.DONE:
        end_task(task, TaskState.DONE)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes a work the one of its kind, with its operation's version."""

    tenant: str
    content: str
    operation: Operation
    parameters: Parameters

    def columns(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "content": self.content,
            "operation": self.operation.name,
            "canonical_parameters": self.parameters.canonical(),
            "version": self.operation.version,
        }


def locked_work(session: Session, one: Identity, *, urgency: int, lane: Lane = Lane.REQUEST, job_lane: bool = False) -> WorkRow:
    """The one work of this identity, locked, made if there was none, revived if it had failed or was cancelled.

    Args:
        lane: what its prediction asks for.
        job_lane: there is a lane `job` for it.
    """
    identity = one.columns()
    work = None
    while work is None:  # once, unless the one that was there is removed between the two statements
        session.execute(
            insert(WorkRow)
            .values(id=uuid7(), urgency=urgency, lane=lane, traceparent=current_traceparent(), **identity)
            .on_conflict_do_nothing(constraint="uq_work_tenant_content_operation_canonical_parameters_version")
        )
        work = session.scalar(select(WorkRow).filter_by(**identity).with_for_update().execution_options(populate_existing=True))
    before = work.state
    work.take(machine.attach(work.record(), lane, job_lane=job_lane))
    if work.state != before:
        work.urgency, work.queued_at, work.not_before = urgency, func.clock_timestamp(), NOW
        work.traceparent = current_traceparent()
    work.urgency = min(work.urgency, urgency)
    return work


def lock_works(session: Session, ids: Collection[str]) -> list[WorkRow]:
    """Those of these works that there are, locked one by one in the order in which `gateway.service.jobs.attach_tasks` locks them."""
    rows = session.execute(select(WorkRow.id, WorkRow.operation, WorkRow.canonical_parameters).where(WorkRow.id.in_(ids))).all()
    ordered = sorted(rows, key=lambda row: (row.operation, sorted(json.loads(row.canonical_parameters).items()), row.id))
    fresh = {"populate_existing": True}
    found = (session.scalar(select(WorkRow).where(WorkRow.id == row.id).with_for_update().execution_options(**fresh)) for row in ordered)
    return [work for work in found if work is not None]


def kind_misfit(operation: Operation, facts: MediaFacts) -> str | None:
    """One sentence if the operation cannot fit the media's kind."""
    if facts.kind in operation.kinds:
        return None
    return f"{operation.name} takes {' and '.join(sorted(operation.kinds))}; this media is {facts.kind}."
