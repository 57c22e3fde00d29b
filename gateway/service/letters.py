"""Dead letters in people's hands: listed, and redriven. How they come to be is `dead_letters`' business."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import documents
from gateway.domain import again
from gateway.domain.again import Redrive
from gateway.domain.states import TaskState, WorkState
from gateway.service import inbox
from gateway.service.admission import admit, admit_all
from gateway.service.errors import Conflict, Forged, NotFound
from gateway.service.queries import Page, maybe_rfc3339, read_page
from gateway.service.retry import lock_living, original_is_there, revive
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import NOW, AttemptRow, DeadLetterRow, MediaRow, TaskRow, WorkRow
from infra.objects.port import BadKey, Objects
from schemas import events
from schemas.envelope import Event
from schemas.events import Lane
from schemas.times import rfc3339


def list_letters(session: Session, tenant: str, page: Page) -> documents.DeadLetterList:
    """Newest first."""
    rows, cursor = read_page(session, select(DeadLetterRow).where(DeadLetterRow.tenant == tenant), DeadLetterRow, page)
    return documents.DeadLetterList(dead_letters=_documents(session, rows), next_cursor=cursor)


def _documents(session: Session, letters: Sequence[DeadLetterRow]) -> list[documents.DeadLetterDocument]:
    attempts = {letter.attempt_id for letter in letters} - {None}
    rows = session.execute(select(AttemptRow.id, AttemptRow.failure_class).where(AttemptRow.id.in_(attempts)))
    classes: dict[str, str | None] = {attempt: failure for attempt, failure in rows}  # noqa: C416  (a Row is no pair to mypy)
    tasks = session.execute(
        select(AttemptRow.id, TaskRow.id, TaskRow.job_id)
        .join(TaskRow, TaskRow.work_id == AttemptRow.work_id)
        .where(AttemptRow.id.in_(attempts))
        .order_by((TaskRow.state == TaskState.FAILED), TaskRow.id.desc())
    )
    shown = {attempt: (task, job) for attempt, task, job in tasks}  # the last wins: one that failed, the oldest of those
    return [
        documents.DeadLetterDocument(
            id=letter.id,
            event_type=letter.event_type,
            operation=letter.operation,
            task_id=shown.get(letter.attempt_id or "", (None, None))[0],
            job_id=shown.get(letter.attempt_id or "", (None, None))[1],
            failure=classes.get(letter.attempt_id or ""),
            code=letter.code,
            message=letter.message,
            received_at=rfc3339(letter.received_at),
            redriven_at=maybe_rfc3339(letter.redriven_at),
        )
        for letter in letters
    ]


def redrive(database: Database, objects: Objects, tenant: str, letter_id: str, settings: Settings) -> documents.DeadLetterDocument:
    """Tries again what a dead letter was about.

    Raises:
        NotFound.
        Conflict: its task is done or cancelled, or there is nothing left to try.
        StoreUnavailable.
    """
    with database.transaction() as session:
        letter = session.get(DeadLetterRow, letter_id)
        if letter is None or letter.tenant != tenant:
            raise NotFound("dead letter", letter_id)
        attempt = session.get(AttemptRow, letter.attempt_id or "")
        work = session.get(WorkRow, attempt.work_id) if attempt is not None else None
    how = again.redrive(
        is_request=letter.event_type == events.REQUESTED,
        is_upload=letter.event_type in events.UPLOAD_TYPES,
        work=WorkState(work.state) if work is not None else None,
        attempt_is_live=attempt is not None and attempt.record().live,
    )
    if how is Redrive.REFUSE:
        raise Conflict(f"Its task is {work.state}." if work is not None else "Nothing that the ledger knows is left of it to try again.")
    if how is Redrive.APPLY:
        _apply(database, objects, letter, settings)
    elif how is Redrive.RETRY and work is not None and attempt is not None:
        _retry(database, objects, work, attempt, settings)
    elif work is not None:
        _hurry(database, work, settings)
    with database.transaction() as session:
        letter = session.get_one(DeadLetterRow, letter_id, with_for_update=True)
        letter.redriven_at = NOW
        session.flush()
        return _documents(session, [letter])[0]


def _apply(database: Database, objects: Objects, letter: DeadLetterRow, settings: Settings) -> None:
    event = Event(**{"type": letter.event_type, **letter.event})
    try:
        with database.transaction() as session:
            inbox.handler(event, objects)(session, event, settings)
    except (Forged, BadKey, KeyError, TypeError, ValueError) as exc:
        raise Conflict(f"It still cannot be applied: {(str(exc) or type(exc).__name__).splitlines()[0][:200]}") from exc


def _retry(database: Database, objects: Objects, work: WorkRow, attempt: AttemptRow, settings: Settings) -> None:
    """The failed tasks of a failed work, media by media; for a probe, those that its media's failure failed."""
    failed = select(TaskRow).where(TaskRow.state == TaskState.FAILED)
    if work.operation == "probe":
        failed = failed.where(TaskRow.media_id == attempt.source_media_id, TaskRow.work_id.is_(None))
    else:
        failed = failed.where(TaskRow.work_id == work.id)
    with database.transaction() as session:
        living = select(MediaRow).where(MediaRow.deleted_at.is_(None)).order_by(MediaRow.id)
        if work.operation == "probe":
            media = session.scalars(living.where(MediaRow.id == attempt.source_media_id, MediaRow.etag == attempt.source_etag)).all()
        else:
            media = session.scalars(living.where(MediaRow.id.in_(failed.with_only_columns(TaskRow.media_id)))).all()
    if not media:
        raise Conflict("Nobody needs its result any more.")
    for one in media:
        there = original_is_there(objects, one)
        with database.transaction() as session:
            locked = lock_living(session, one.id)
            tasks = session.scalars(failed.where(TaskRow.media_id == one.id)).all()
            admit_all(session, revive(session, locked, tasks, there, settings), settings)


def _hurry(database: Database, work: WorkRow, settings: Settings) -> None:
    with database.transaction() as session:
        row = session.get(WorkRow, work.id, with_for_update=True)
        if row is not None and row.state == WorkState.WAITING:
            row.not_before = NOW
        session.flush()
        admit(session, work.operation, Lane(work.lane), settings)
