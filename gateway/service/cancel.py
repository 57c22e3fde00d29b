"""Cancelling: tasks end, and a work that no live task needs any more stops. One path, whether a job is cancelled or a media deleted.

Locks as the ledger orders them: media (the caller's), every work, every attempt, then tasks and jobs. Who else needs a work is counted
under its lock, so that a task that attaches at the same time is either seen or finds the work stopped and revives it.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gateway.domain import work as machine
from gateway.domain.states import LIVE_TASKS, AttemptState, TaskState
from gateway.metrics import measures
from gateway.service.admission import admit_all
from gateway.service.queries import living_job
from gateway.service.tasks import refresh_jobs
from gateway.service.works import URGENCY, lock_works
from gateway.settings import Settings
from gateway.store.tables import NOW, AttemptRow, JobRow, MediaRow, OutboxRow, TaskRow, WorkRow
from schemas.errors import FailureClass

CANCELLED = "Cancelled on request."
NOT_NEEDED = "Nobody needs its result any more."


def cancel_job(session: Session, tenant: str, job_id: str, settings: Settings) -> None:
    """Ends every live task of the job; what has ended stays as it is.

    Raises:
        NotFound, Gone: its media was deleted.
    """
    job = living_job(session, tenant, job_id)
    session.scalar(select(MediaRow.id).where(MediaRow.id == job.media_id).with_for_update())  # no task is attached meanwhile
    tasks = session.scalars(select(TaskRow).where(TaskRow.job_id == job_id, TaskRow.state.in_(LIVE_TASKS))).all()
    admit_all(session, cancel_tasks(session, tasks, CANCELLED), settings)


def cancel_tasks(session: Session, tasks: Sequence[TaskRow], message: str) -> set[str]:
    """Ends these tasks if they have not ended yet. The caller holds their media's lock.

    Returns the operations that the caller admits at the end of its transaction: their slots may be free now.
    """
    ids = {task.id for task in tasks}
    works = lock_works(session, {task.work_id for task in tasks if task.work_id is not None})
    needed = _needed(session, [work.id for work in works], but_not_by=ids)
    for work in works:
        if work.id in needed:
            work.urgency = needed[work.id]
        else:
            stop(session, work)
    session.flush()
    ended = session.execute(
        update(TaskRow)
        .where(TaskRow.id.in_(ids), TaskRow.state.in_(LIVE_TASKS))
        .values(state=TaskState.CANCELLED, finished_at=NOW, error_class=FailureClass.CANCELLED, error_message=message)
        .returning(TaskRow.id, TaskRow.job_id, TaskRow.operation)
    ).all()
    measures.tasks_ended(session, ended, TaskState.CANCELLED, FailureClass.CANCELLED)
    refresh_jobs(session, [task.job_id for task in ended])
    return {work.operation for work in works}


def stop(session: Session, work: WorkRow) -> None:
    """Nobody needs this work: it ends, and its live attempt with it. The caller holds the work's lock.

    An event that no relay has taken up yet is never sent; one that a relay has under way counts as sent.
    """
    row = session.scalar(
        select(AttemptRow)
        .where(AttemptRow.work_id == work.id, AttemptRow.number == work.attempts)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    attempt = row.record() if row is not None else None
    if row is not None and attempt is not None and attempt.live:
        claims = session.scalars(delete(OutboxRow).where(OutboxRow.attempt_id == row.id).returning(OutboxRow.claimed_until)).all()
        if any(claims):
            attempt = machine.sent(attempt)
            row.sent_at = func.coalesce(AttemptRow.sent_at, NOW)  # from now on the reaper waits for its answer
        row.finished_at, row.failure_class, row.message = NOW, FailureClass.CANCELLED, NOT_NEEDED
        measures.attempt_ended(session, row, AttemptState.CANCELLED, failure=FailureClass.CANCELLED)
    record, ended = machine.abandon(work.record(), attempt)
    work.take(record)
    if row is not None and ended is not None:
        row.take(ended)


def _needed(session: Session, works: Collection[str], *, but_not_by: set[str]) -> dict[str, int]:
    """Which of these works another live task needs, and how urgently at best."""
    rows = session.execute(
        select(TaskRow.work_id, JobRow.priority)
        .join(JobRow, JobRow.id == TaskRow.job_id)
        .where(TaskRow.work_id.in_(works), TaskRow.state.in_(LIVE_TASKS), TaskRow.id.not_in(but_not_by))
    ).all()
    best: dict[str, int] = {}
    for work, priority in rows:
        assert work is not None
        best[work] = min(URGENCY[priority], best.get(work, URGENCY[priority]))
    return best
