"""Failed tasks again, because a client asks: the only way in which a task leaves `failed`."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain import again
from gateway.domain.again import Retry
from gateway.domain.states import MediaState, TaskState
from gateway.service.admission import admit_all
from gateway.service.arrivals import send_probe
from gateway.service.errors import Conflict, Gone, NotFound
from gateway.service.jobs import attach_tasks
from gateway.service.queries import living_job
from gateway.service.tasks import refresh_jobs
from gateway.service.works import URGENCY
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import NOW, JobRow, MediaRow, TaskRow
from infra.objects.port import Objects
from schemas import keys


def retry_job(database: Database, objects: Objects, tenant: str, job_id: str, task_id: str | None, settings: Settings) -> None:
    """The job's failed tasks again, or the one named.

    Raises:
        NotFound; Gone: its media was deleted.
        Conflict: none failed, or none of them could ever go differently.
        StoreUnavailable.
    """
    with database.transaction() as session:
        media = session.get_one(MediaRow, living_job(session, tenant, job_id).media_id)
    there = original_is_there(objects, media)
    with database.transaction() as session:
        locked = lock_living(session, media.id)
        failed = select(TaskRow).where(TaskRow.job_id == job_id, TaskRow.state == TaskState.FAILED)
        if task_id is not None:
            if session.scalar(select(TaskRow.id).where(TaskRow.id == task_id, TaskRow.job_id == job_id)) is None:
                raise NotFound("task of this job", task_id)
            failed = failed.where(TaskRow.id == task_id)
        tasks = session.scalars(failed.order_by(TaskRow.position)).all()
        if not tasks:
            raise Conflict("No task of this job has failed." if task_id is None else "This task has not failed.")
        admit_all(session, revive(session, locked, tasks, there, settings), settings)


def original_is_there(objects: Objects, media: MediaRow) -> bool:
    """Asked of the store, for a failed media alone: has it the version that the row names? Never for one that has expired."""
    if media.state != MediaState.FAILED or media.expired_at is not None or media.etag is None:
        return False
    info = objects.head(keys.MEDIA_BUCKET, media.object_key)
    return info is not None and info.etag == media.etag


def lock_living(session: Session, media_id: str) -> MediaRow:
    """Raises Gone where it was deleted."""
    media = session.scalar(select(MediaRow).where(MediaRow.id == media_id).with_for_update().execution_options(populate_existing=True))
    if media is None or media.deleted_at is not None:
        raise Gone("The media was deleted.")
    return media


def revive(session: Session, media: MediaRow, tasks: Sequence[TaskRow], there: bool, settings: Settings) -> set[str]:
    """These failed tasks of one locked media wait anew, as they did at first.

    Returns the operations that the caller admits at the end of its transaction.

    Raises:
        Conflict: it could never go differently.
    """
    how = again.retry(MediaState(media.state), object_is_there=there)
    if how is Retry.NEVER:
        raise Conflict(f"The media itself is {media.state}, and will be: {media.error_message or 'its original is gone.'}")
    for task in tasks:
        task.state, task.work_id, task.queued_at = TaskState.QUEUED, None, NOW
        task.started_at = task.finished_at = task.error_class = task.error_message = None
    session.flush()
    jobs = {task.job_id for task in tasks}
    if how is Retry.ATTACH:
        urgencies = {job.id: URGENCY[job.priority] for job in session.scalars(select(JobRow).where(JobRow.id.in_(jobs)))}
        return attach_tasks(session, media, tasks, urgencies, settings)
    refresh_jobs(session, jobs)
    if how is Retry.PROBE:
        probe_again(session, media, settings)
    return set()


def probe_again(session: Session, media: MediaRow, settings: Settings) -> None:
    """A failed media whose object is there: uploaded once more, and its probe's next attempt."""
    media.state, media.gone_at, media.error_class, media.error_message = MediaState.UPLOADED, None, None, None
    session.flush()
    send_probe(session, media, settings)
