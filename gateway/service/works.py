"""Attaching tasks to works: two jobs that want the same result of the same bytes share one."""

import json
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.domain import work as machine
from gateway.domain.states import TaskState, WorkState
from gateway.service.tasks import end_task
from gateway.store.tables import NOW, MediaRow, TaskRow, WorkRow
from schemas.catalogue import CATALOGUE, Operation
from schemas.errors import FailureClass
from schemas.facts import MediaFacts
from schemas.ids import uuid7
from schemas.parameters import Parameters

URGENCY = {"interactive": 0, "bulk": 1}


def attach(session: Session, task: TaskRow, media: MediaRow, urgency: int) -> None:
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
    if (too_long := predicted_too_long(operation, parameters, facts)) is not None:
        end_task(task, TaskState.FAILED, FailureClass.LIMIT, too_long)
        return
    work = locked_work(session, tenant=media.tenant, content=media.sha256, operation=operation, parameters=parameters, urgency=urgency)
    task.work_id = work.id
    if work.state == WorkState.DONE:
        end_task(task, TaskState.DONE)


def locked_work(session: Session, *, tenant: str, content: str, operation: Operation, parameters: Parameters, urgency: int) -> WorkRow:
    """The one work of this identity, locked, made if there was none, revived if it had failed or was cancelled."""
    identity = {
        "tenant": tenant,
        "content": content,
        "operation": operation.name,
        "canonical_parameters": parameters.canonical(),
        "version": operation.version,
    }
    work = None
    while work is None:  # once, unless the one that was there is removed between the two statements
        session.execute(
            insert(WorkRow)
            .values(id=uuid7(), urgency=urgency, **identity)
            .on_conflict_do_nothing(constraint="uq_work_tenant_content_operation_canonical_parameters_version")
        )
        work = session.scalar(select(WorkRow).filter_by(**identity).with_for_update().execution_options(populate_existing=True))
    before = work.state
    work.take(machine.attach(work.record()))
    if work.state != before:
        work.urgency, work.queued_at, work.not_before = urgency, func.clock_timestamp(), NOW
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


def predicted_too_long(operation: Operation, parameters: Parameters, facts: MediaFacts) -> str | None:
    """One sentence if the catalogue predicts more than one request may take. The long lane is not there yet."""
    predicted_s = operation.predict_s(parameters, facts)
    if predicted_s <= operation.deadline_s:
        return None
    return f"{operation.name} is predicted to take {predicted_s:,.0f} s here; at most {operation.deadline_s} s are allowed."
