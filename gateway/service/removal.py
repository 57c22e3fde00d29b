"""Removing: a media that a client deletes, and works that nothing needs any more. Rows first, then objects.

What is counted by reference is the bytes: works, artifacts and vectors go when no living media of the tenant has them. Attempts stay, for
their slots and for late words. Objects go by `doomed_object`, in the same transaction as the rows that named them; what an attempt wrote
besides, or writes yet, is nobody's from then on, and swept.
"""

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.domain.states import LIVE_TASKS
from gateway.service.admission import admit_all
from gateway.service.cancel import cancel_tasks, stop
from gateway.service.errors import NotFound
from gateway.service.works import lock_works
from gateway.settings import Settings
from gateway.store import vectors
from gateway.store.tables import NOW, ArtifactRow, AttemptRow, DoomedObjectRow, MediaRow, TaskRow, WorkRow
from schemas import keys

DELETED = "Its media was deleted."
ANY_VERSION = ""


def delete_media(session: Session, tenant: str, media_id: str, settings: Settings) -> None:
    """Deletes a media, for good. Again, it changes nothing.

    Raises:
        NotFound: there never was one.
    """
    media = session.scalar(select(MediaRow).where(MediaRow.id == media_id, MediaRow.tenant == tenant).with_for_update())
    if media is None:
        raise NotFound("media", media_id)
    if media.deleted_at is not None:
        return
    media.deleted_at = NOW
    if media.etag is not None:
        doom(session, keys.MEDIA_BUCKET, media.object_key, media.etag)
    session.flush()
    tasks = session.scalars(select(TaskRow).where(TaskRow.media_id == media_id, TaskRow.state.in_(LIVE_TASKS))).all()
    operations = cancel_tasks(session, tasks, DELETED) | _remove_works(session, media)
    admit_all(session, operations, settings)


def _remove_works(session: Session, media: MediaRow) -> set[str]:
    """The media's probes, and the works of its bytes if nobody else has them: counted with the works locked, so that whoever
    attaches to one at the same time is seen, or finds it gone and makes another. Returns their operations."""
    probes = WorkRow.content.like(f"{media.id}:%") & (WorkRow.operation == "probe")
    of_these_bytes = WorkRow.content == (media.sha256 or "-")
    works = lock_works(
        session, session.scalars(select(WorkRow.id).where(WorkRow.tenant == media.tenant, or_(probes, of_these_bytes))).all()
    )
    others = session.scalar(
        select(MediaRow.id)
        .where(MediaRow.tenant == media.tenant, MediaRow.sha256 == media.sha256, MediaRow.id != media.id)
        .where(MediaRow.deleted_at.is_(None), MediaRow.expired_at.is_(None))
        .limit(1)
    )
    removed = [work for work in works if work.operation == "probe" or others is None]
    for work in removed:
        remove_work(session, work)
    if others is None and media.sha256 is not None:
        vectors.remove(session, tenant=media.tenant, sha256=media.sha256)
    session.flush()
    return {work.operation for work in removed}


def remove_work(session: Session, work: WorkRow) -> None:
    """Takes a locked work out of the ledger, its artifacts with it, and dooms their objects. A live attempt is cancelled."""
    stop(session, work)
    for key in session.scalars(delete(ArtifactRow).where(ArtifactRow.work_id == work.id).returning(ArtifactRow.object_key)):
        doom(session, keys.OUTPUTS_BUCKET, key, ANY_VERSION)
    prefix = session.scalar(select(AttemptRow.output_prefix).where(AttemptRow.work_id == work.id, AttemptRow.number == work.result_attempt))
    if prefix is not None:
        doom(session, keys.OUTPUTS_BUCKET, keys.result_key(prefix), ANY_VERSION)
    session.delete(work)
    session.flush()


def doom(session: Session, bucket: str, key: str, etag: str) -> None:
    """This version of this object is to go, once this transaction is committed."""
    session.execute(insert(DoomedObjectRow).values(bucket=bucket, key=key, etag=etag).on_conflict_do_nothing())
