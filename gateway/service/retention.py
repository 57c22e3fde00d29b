"""Retention, per bucket, by the ledger: the row that names an object goes first, then the object. Off unless it is set.

An original that is past its time is gone as if somebody had removed it: its media keeps facts and artifacts, and answers 410 for the
original. A result that is past its time takes its work with it: tasks and attempts stay to be read, and the same wish is worked anew.
"""

import logging
from collections import Counter

from sqlalchemy import ColumnElement, exists, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.domain.states import LIVE_TASKS, MediaState, WorkState
from gateway.service.removal import doom, remove_work
from gateway.service.works import lock_works
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import NOW, AttemptRow, MediaRow, TaskRow, WorkRow
from schemas import keys

log = logging.getLogger(__name__)

PAGE = 500


def retire(database: Database, settings: Settings) -> Counter[str]:
    """One round. Returns what it did, a count each.

    Raises:
        DatabaseUnavailable: what was done so far stays done.
    """
    done: Counter[str] = Counter()
    if settings.outputs_retention_s is not None:
        done["works retired"] = _outputs(database, settings.outputs_retention_s)
    if settings.originals_retention_s is not None:
        done["originals retired"] = _originals(database, settings.originals_retention_s)
    if done := +done:
        log.info("retired what was past its time", extra={"did": dict(done)})
    return done


def _outputs(database: Database, after_s: float) -> int:
    """Done works, by the time at which they were done."""
    old = (
        select(WorkRow.id)
        .join(AttemptRow, (AttemptRow.work_id == WorkRow.id) & (AttemptRow.number == WorkRow.result_attempt))
        .where(WorkRow.state == WorkState.DONE, _older(AttemptRow.finished_at, after_s))
        .limit(PAGE)
    )
    count = 0
    while True:
        with database.transaction() as session:
            works = lock_works(session, session.scalars(old).all())
            for work in works:
                remove_work(session, work)
        count += len(works)
        if len(works) < PAGE:
            return count


def _originals(database: Database, after_s: float) -> int:
    """Judged media that no live task still reads, by the time at which their objects came."""
    last, count = "", 0
    while True:
        with database.transaction() as session:
            ids = session.scalars(
                select(MediaRow.id)
                .where(MediaRow.id > last, MediaRow.deleted_at.is_(None), MediaRow.gone_at.is_(None), MediaRow.etag.is_not(None))
                .where(_older(MediaRow.uploaded_at, after_s))
                .order_by(MediaRow.id)
                .limit(PAGE)
            ).all()
            count += sum(_retire_original(session, media_id) for media_id in ids)
        if len(ids) < PAGE:
            return count
        last = ids[-1]


def _retire_original(session: Session, media_id: str) -> bool:
    live = exists().where(TaskRow.media_id == MediaRow.id, TaskRow.state.in_(LIVE_TASKS))
    media = session.scalar(
        select(MediaRow)
        .where(MediaRow.id == media_id, MediaRow.state.not_in([MediaState.AWAITING_UPLOAD, MediaState.UPLOADED]))
        .where(MediaRow.deleted_at.is_(None), MediaRow.gone_at.is_(None), ~live)
        .with_for_update(skip_locked=True)
    )
    if media is None or media.etag is None:
        return False
    media.gone_at = NOW
    doom(session, keys.MEDIA_BUCKET, media.object_key, media.etag)
    return True


def _older(column: InstrumentedAttribute[object], seconds: float) -> ColumnElement[bool]:
    return column < NOW - text("make_interval(secs => :s)").bindparams(s=seconds)
