"""Tasks and their jobs: what a work's fate means for whoever asked for it."""

from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, object_session

from gateway.domain.jobs import job_state
from gateway.domain.states import LIVE_TASKS, TaskState, WorkState
from gateway.metrics import measures
from gateway.service.webhooks import owe
from gateway.store.tables import NOW, JobRow, TaskRow, WorkRow
from schemas.errors import FailureClass

_ENDED = (TaskRow.id, TaskRow.job_id, TaskRow.operation)


def start_tasks(session: Session, work_id: str) -> None:
    """The work's attempt has been claimed: its queued tasks run."""
    jobs = session.scalars(
        update(TaskRow)
        .where(TaskRow.work_id == work_id, TaskRow.state == TaskState.QUEUED)
        .values(state=TaskState.RUNNING, started_at=func.coalesce(TaskRow.started_at, NOW))
        .returning(TaskRow.job_id)
    ).all()
    refresh_jobs(session, jobs)


def end_tasks(session: Session, work_id: str, state: TaskState, failure: FailureClass | None = None, message: str | None = None) -> None:
    """Every live task of the work ends alike."""
    ended = session.execute(
        update(TaskRow)
        .where(TaskRow.work_id == work_id, TaskRow.state.in_(LIVE_TASKS))
        .values(state=state, finished_at=NOW, error_class=failure, error_message=message)
        .returning(*_ENDED)
    ).all()
    measures.tasks_ended(session, ended, state, failure)
    refresh_jobs(session, [task.job_id for task in ended])


def fail_work(session: Session, work: WorkRow, failure: FailureClass, message: str) -> None:
    """The work has failed for good, and its tasks with it."""
    work.state = WorkState.FAILED
    end_tasks(session, work.id, TaskState.FAILED, failure, message)


def lock_idle_jobs(session: Session, work_id: str) -> bool:
    """Locks the jobs of the work's live tasks, unless somebody else holds one: whoever holds a slot must not wait for a job."""
    jobs = set(session.scalars(select(TaskRow.job_id).where(TaskRow.work_id == work_id, TaskRow.state.in_(LIVE_TASKS))))
    return len(session.scalars(select(JobRow.id).where(JobRow.id.in_(jobs)).with_for_update(skip_locked=True)).all()) == len(jobs)


def end_task(task: TaskRow, state: TaskState, failure: FailureClass | None = None, message: str | None = None) -> None:
    """One task ends by itself, without a work. The caller refreshes its job."""
    task.state, task.finished_at = state, NOW
    task.error_class, task.error_message = failure, message
    if (session := object_session(task)) is not None:
        measures.tasks_ended(session, [(task.id, task.job_id, task.operation)], state, failure)


def fail_queued_tasks_of_media(session: Session, media_id: str, failure: FailureClass, message: str) -> None:
    """The media will never be accepted: its tasks that wait for that fail with its class."""
    ended = session.execute(
        update(TaskRow)
        .where(TaskRow.media_id == media_id, TaskRow.work_id.is_(None), TaskRow.state == TaskState.QUEUED)
        .values(state=TaskState.FAILED, finished_at=NOW, error_class=failure, error_message=message)
        .returning(*_ENDED)
    ).all()
    measures.tasks_ended(session, ended, TaskState.FAILED, failure)
    refresh_jobs(session, [task.job_id for task in ended])


def refresh_jobs(session: Session, job_ids: Collection[str]) -> None:
    """Recounts jobs under their rows' locks, in the order of their ids."""
    session.flush()
    for job_id in sorted(set(job_ids)):
        job = session.scalar(select(JobRow).where(JobRow.id == job_id).with_for_update().execution_options(populate_existing=True))
        assert job is not None
        tasks = session.execute(select(TaskRow.state, TaskRow.started_at).where(TaskRow.job_id == job_id)).all()
        state = job_state([TaskState(task.state) for task in tasks], started=any(task.started_at for task in tasks))
        if state != job.state:
            job.state = state
            job.finished_at = None if state in LIVE_TASKS else NOW
            owe(session, job)
    session.flush()
