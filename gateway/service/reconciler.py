"""The reconciler: lists the buckets against the ledger and heals what notifications and processes lost.

Notifications are a hint; this carries the promise. Everything is paged: memory does not grow with the buckets.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import collate, delete, select, text, tuple_
from sqlalchemy.orm import Session

from gateway.domain.states import LIVE_ATTEMPTS, AttemptState, MediaState
from gateway.service.arrivals import expire, look
from gateway.service.grants import end_multiparts
from gateway.service.lookup import take_result
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import AttemptRow, DoomedObjectRow, MediaRow, WorkRow
from infra.objects.port import BadKey, ObjectInfo, ObjectReplaced, Objects
from schemas import keys

log = logging.getLogger(__name__)

PAGE = 500
_AFTER_EVERY_ID = "~"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a round found and did: a count each."""

    found: Counter[str] = field(default_factory=Counter)


def reconcile(database: Database, objects: Objects, settings: Settings) -> Report:
    """One whole round.

    Raises:
        DatabaseUnavailable, StoreUnavailable: what was done so far stays done.
    """
    report = Report()
    passed = ""
    for page in _pages(objects.list(keys.MEDIA_BUCKET)):
        _objects_without_row(database, objects, page, settings, report)
        _rows_without_object(database, objects, settings, report, listed=page, after=passed, upto=page[-1].key)
        passed = page[-1].key
    _rows_without_object(database, objects, settings, report, listed=[], after=passed, upto=None)
    _expire_awaited(database, settings, report)
    if ended := end_multiparts(database, objects):
        report.found["uploads in parts ended"] += ended
    _results_not_heard_of(database, objects, settings, report)
    remove_doomed(database, objects, report)
    _sweep(database, objects, report)
    if report.found:
        log.info("reconciled", extra={"found": dict(report.found)})
    return report


def _pages(infos: Iterator[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    while page := list(islice(infos, PAGE)):
        yield page


def _objects_without_row(database: Database, objects: Objects, page: Iterable[ObjectInfo], settings: Settings, report: Report) -> None:
    """Objects that no living row stands for: awaited ones whose notification was lost, unknown ones, ones that came back."""
    infos = {info.key: info for info in page}
    with database.transaction() as session:
        known = {
            (row.object_key, row.etag)
            for row in session.execute(
                select(MediaRow.object_key, MediaRow.etag).where(
                    MediaRow.object_key.in_(infos), MediaRow.deleted_at.is_(None), MediaRow.gone_at.is_(None)
                )
            )
        }
    for info in infos.values():
        if (info.key, info.etag) not in known:
            try:
                with database.transaction() as session:
                    media_id = look(session, objects, info.key, settings)
            except BadKey as exc:
                log.warning("an object that cannot be asked for", extra={"reason": str(exc)})
                continue
            report.found["objects taken in" if media_id else "objects of no living media"] += 1


def _rows_without_object(
    database: Database, objects: Objects, settings: Settings, report: Report, *,
    listed: Iterable[ObjectInfo], after: str, upto: str | None,
) -> None:  # fmt: skip
    """Rows whose keys the listing has passed without their objects: between two keys, in the order of stores, which is that of bytes.

    Only those are asked for one by one. They may have come since.
    """
    there = {(info.key, info.etag) for info in listed}
    key = collate(MediaRow.object_key, "C")
    living = select(MediaRow.id, MediaRow.object_key, MediaRow.etag).where(
        MediaRow.etag.is_not(None), MediaRow.gone_at.is_(None), MediaRow.deleted_at.is_(None)
    )
    if upto is not None:
        living = living.where(key <= upto)
    last = (after, _AFTER_EVERY_ID)
    while True:
        with database.transaction() as session:
            rows = session.execute(living.where(tuple_(key, MediaRow.id) > last).order_by(key, MediaRow.id).limit(PAGE)).all()
        for row in rows:
            if (row.object_key, row.etag) in there:
                continue
            info = objects.head(keys.MEDIA_BUCKET, row.object_key)
            if info is not None and info.etag == row.etag:
                continue
            with database.transaction() as session:
                look(session, objects, row.object_key, settings)
            report.found["originals gone"] += 1
        if len(rows) < PAGE:
            return
        last = (rows[-1].object_key, rows[-1].id)


def _expire_awaited(database: Database, settings: Settings, report: Report) -> None:
    """Promised objects that never came, for good."""
    with database.transaction() as session:
        rows = session.scalars(
            select(MediaRow)
            .where(
                MediaRow.state == MediaState.AWAITING_UPLOAD,
                text("created_at < now() - make_interval(secs => :s)").bindparams(s=settings.awaiting_upload_s),
            )
            .with_for_update(skip_locked=True)
            .limit(PAGE)
        ).all()
        for media in rows:
            expire(session, media)
            report.found["uploads expired"] += 1


def _results_not_heard_of(database: Database, objects: Objects, settings: Settings, report: Report) -> None:
    """The result.json of attempts that have not ended, though their reply should long be here."""
    with database.transaction() as session:
        live = [
            (row.id, row.output_prefix)
            for row in session.scalars(
                select(AttemptRow).where(
                    AttemptRow.holds_slot,  # as every live one does, and slots have an index
                    AttemptRow.state.in_(LIVE_ATTEMPTS),
                    AttemptRow.heartbeat_at < text("now() - make_interval(secs => :s)").bindparams(s=settings.lease_s / 2),
                )
            )
        ]
    for attempt_id, prefix in live:
        if take_result(database, objects, attempt_id, prefix, settings):
            report.found["results found"] += 1


def remove_doomed(database: Database, objects: Objects, report: Report | None = None) -> None:
    """Removes objects that are to go, of the very version that is to go."""
    with database.transaction() as session:
        doomed = session.scalars(select(DoomedObjectRow).order_by(DoomedObjectRow.created_at).limit(PAGE)).all()
    for row in doomed:
        try:
            objects.delete(row.bucket, row.key, if_match=row.etag or None)
        except ObjectReplaced:
            log.info("an object that was to go has been replaced, its successor stays", extra={"key": row.key})
        except BadKey as exc:
            log.warning("no store could hold an object that was to go", extra={"reason": str(exc)})
        with database.transaction() as session:
            session.execute(delete(DoomedObjectRow).filter_by(bucket=row.bucket, key=row.key, etag=row.etag))  # another worker may have
        if report is not None:
            report.found["objects removed"] += 1


def _sweep(database: Database, objects: Objects, report: Report) -> None:
    """Outputs that nobody names, on facts that cannot change back: the work is gone, or the attempt has ended and is not the one named."""
    for page in _pages(objects.list(keys.OUTPUTS_BUCKET)):
        owners = {info.key: _owner(info.key) for info in page}
        with database.transaction() as session:
            swept = _sweepable(session, {owner for owner in owners.values() if owner})
        for key, owner in owners.items():
            if owner in swept:
                objects.delete(keys.OUTPUTS_BUCKET, key)
                report.found["outputs swept"] += 1


def _owner(key: str) -> tuple[str, int] | None:
    """(work id, attempt) of `{tenant}/{content}/{operation}/{version}/{work_id}/{attempt}/name`."""
    parts = key.split("/")
    return (parts[4], int(parts[5])) if len(parts) == 7 and parts[5].isdigit() else None


def _sweepable(session: Session, owners: set[tuple[str, int]]) -> set[tuple[str, int]]:
    ids = {work for work, _ in owners}
    attempts = {  # read first: an attempt seen to have ended is named by then, if it ever is
        (row.work_id, row.number): row.state for row in session.scalars(select(AttemptRow).where(AttemptRow.work_id.in_(ids)))
    }
    works = {row.id: row.result_attempt for row in session.scalars(select(WorkRow).where(WorkRow.id.in_(ids)))}
    ended = {AttemptState.DONE, AttemptState.FAILED, AttemptState.LOST, AttemptState.CANCELLED}
    return {
        (work, number)
        for work, number in owners
        if work not in works or (works[work] != number and attempts.get((work, number), AttemptState.LOST) in ended)
    }
