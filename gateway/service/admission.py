"""Admission: the queue is the work table, and an event goes out only when its operation has a free slot.

What waits, waits here, where it can still be reordered and cancelled; on the road an event can be neither.
"""

from collections.abc import Iterable

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.domain import work as machine
from gateway.domain.states import MediaState, WorkState
from gateway.domain.token import attempt_token
from gateway.service.tasks import fail_work, lock_idle_jobs
from gateway.settings import Settings
from gateway.store.database import OUTBOX_CHANNEL
from gateway.store.tables import AttemptRow, MediaRow, OutboxRow, SlotRow, WorkRow
from infra.telemetry.context import current_traceparent, nearest
from schemas import events, keys
from schemas.catalogue import CATALOGUE
from schemas.errors import FailureClass
from schemas.events import Lane
from schemas.facts import MediaFacts
from schemas.payloads import Requested, Source

NO_SOURCE = "The original was replaced or removed before it could be read."
NO_LANE = "It takes longer than one request may, and nothing here runs long jobs any more."


def admit_all(session: Session, operations: Iterable[str], settings: Settings) -> None:
    """Admits what can go out of these operations. Once in a transaction, at its end: slots are locked in the order of their names."""
    for operation in sorted(set(operations)):
        for lane in (Lane.JOB, Lane.REQUEST):
            if CATALOGUE[operation].longest_s(lane) is not None:
                admit(session, operation, lane, settings)


def admit(session: Session, operation: str, lane: Lane, settings: Settings) -> None:
    """Fills the free slots of one operation and lane: interactive before bulk, oldest first.

    The slot row's lock makes counting and admitting one step for any number of gateways. It comes last in a transaction. Works are
    taken with SKIP LOCKED: whoever holds one admits again when it ends.
    """
    slot = select(SlotRow).where(SlotRow.operation == operation, SlotRow.lane == lane).with_for_update()
    if session.scalar(slot) is None:
        session.execute(insert(SlotRow).values(operation=operation, lane=lane).on_conflict_do_nothing())
        session.scalar(slot)
    held = session.scalar(
        select(func.count())
        .select_from(AttemptRow)
        .where(AttemptRow.operation == operation, AttemptRow.lane == lane, AttemptRow.holds_slot)
    )
    is_open = lane is Lane.REQUEST or operation in settings.job_slots
    slots = (settings.slots if lane is Lane.REQUEST else settings.job_slots).get(operation, 1)
    free = slots - (held or 0)
    if free <= 0 and is_open:
        return
    due = WorkRow.not_before <= func.clock_timestamp()  # what was committed since this transaction began may go too
    waiting = session.scalars(
        select(WorkRow)
        .where(WorkRow.state == WorkState.WAITING, WorkRow.operation == operation, WorkRow.lane == lane, due)
        .order_by(WorkRow.urgency, WorkRow.queued_at, WorkRow.id)
        .limit(max(1, free))
        .with_for_update(skip_locked=True)
    ).all()
    for work in waiting:
        source = find_source(session, work)
        if source is not None and is_open:
            send_out(session, work, source, settings)
        elif lock_idle_jobs(session, work.id):
            fail_work(session, work, *((FailureClass.INFRA, NO_SOURCE) if is_open else (FailureClass.LIMIT, NO_LANE)))
    if waiting:
        session.execute(text("select pg_notify(:channel, '')"), {"channel": OUTBOX_CHANNEL})


def _trace(work: WorkRow) -> dict[str, str]:
    """The work's own trace, whoever admits it; from where we are, if that is in it."""
    traceparent = nearest(current_traceparent(), work.traceparent)
    return {} if traceparent is None else {"traceparent": traceparent}


def find_source(session: Session, work: WorkRow) -> MediaRow | None:
    """The object that the next attempt reads: chosen now, among the living media of those bytes."""
    query = select(MediaRow).where(MediaRow.tenant == work.tenant, MediaRow.deleted_at.is_(None), MediaRow.gone_at.is_(None))
    if work.operation == "probe":
        media_id, _, etag = work.content.partition(":")
        return session.scalar(query.where(MediaRow.id == media_id, MediaRow.etag == etag, MediaRow.expired_at.is_(None)))
    return session.scalar(
        query.where(MediaRow.sha256 == work.content, MediaRow.state == MediaState.ACCEPTED).order_by(MediaRow.id).limit(1)
    )


def send_out(session: Session, work: WorkRow, source: MediaRow, settings: Settings) -> None:
    """The work's next attempt and its event, in this transaction. The relay sends it after the commit."""
    record, attempt = machine.admit(work.record())
    work.take(record)
    attempt_id = events.attempt_id(work.id, attempt.number)
    is_probe = work.operation == "probe"
    prefix = keys.attempt_prefix(
        tenant=work.tenant,
        content=source.id if is_probe else work.content,
        operation=work.operation,
        version=work.version,
        work_id=work.id,
        attempt=attempt.number,
    )
    operation = CATALOGUE[work.operation]
    deadline_s = operation.longest_s(Lane(work.lane))
    assert source.etag is not None
    assert deadline_s is not None
    requested = Requested(
        attempt_id=attempt_id,
        work_id=work.id,
        attempt=attempt.number,
        token=attempt_token(settings.token_key, attempt_id),
        tenant=work.tenant,
        operation=work.operation,
        version=work.version,
        parameters=operation.parameters.model_validate_json(work.canonical_parameters).model_dump(mode="json"),
        deadline_s=deadline_s,
        source=Source(bucket=keys.MEDIA_BUCKET, key=source.object_key, etag=source.etag, bytes=source.bytes or 0, filename=source.filename),
        facts=None if is_probe or source.facts is None else MediaFacts.model_validate(source.facts),
        output_bucket=keys.OUTPUTS_BUCKET,
        output_prefix=prefix,
    )
    row = AttemptRow(
        id=attempt_id,
        work_id=work.id,
        number=attempt.number,
        operation=work.operation,
        lane=work.lane,
        source_media_id=source.id,
        source_etag=source.etag,
        output_prefix=prefix,
    )
    row.take(attempt)
    session.add(row)
    session.add(
        OutboxRow(
            attempt_id=attempt_id,
            event={
                "id": attempt_id,
                "source": events.GATEWAY_SOURCE,
                "type": events.REQUESTED,
                "subject": source.id,
                "data": requested.model_dump(mode="json"),
                "extensions": {"operation": work.operation, "lane": work.lane, **_trace(work)},
            },
        )
    )
    session.flush()
