"""The reaper: ends attempts that nobody will ever report, by the database's clock alone.

It judges nobody who could not be heard: only while the internal listener has been up, without a gap, for a whole lease. It looks for a
result.json before it ends an attempt, and ends it only if nothing has changed since it looked.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text
from sqlalchemy.orm import Session

from gateway.domain.states import LIVE_ATTEMPTS, AttemptState
from gateway.service import results
from gateway.service.admission import admit
from gateway.service.lookup import take_result
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import NOW, AttemptRow
from infra.objects.port import Objects
from schemas.errors import FailureClass
from schemas.events import Lane
from schemas.payloads import Failed

log = logging.getLogger(__name__)

LISTENER = "gateway-internal"
LISTENER_BEATS_EVERY_S = 1.0
GAP_S = 5.0
"""A listener not seen for this long was away: functions may have beaten in vain."""
BATCH = 100


def listener_beats(session: Session) -> None:
    """The internal listener is up and reaches the database. A gap starts its time anew."""
    session.execute(
        text(
            "insert into liveness (part, since, seen_at) values (:part, now(), now()) on conflict (part) do update set seen_at = now(),"
            " since = case when liveness.seen_at < now() - make_interval(secs => :gap_s) then now() else liveness.since end"
        ),
        {"part": LISTENER, "gap_s": GAP_S},
    )


def may_judge(session: Session, settings: Settings) -> bool:
    """Has the internal listener been there for one whole lease, up to now?"""
    heard = session.scalar(
        text(
            "select since <= now() - make_interval(secs => :lease_s) and seen_at >= now() - make_interval(secs => :gap_s)"
            " from liveness where part = :part"
        ),
        {"part": LISTENER, "lease_s": settings.lease_s, "gap_s": GAP_S},
    )
    return bool(heard)


def reap(database: Database, objects: Objects, settings: Settings) -> int:
    """One round. Returns how many attempts it ended or completed.

    Raises:
        DatabaseUnavailable, StoreUnavailable.
    """
    with database.transaction() as session:
        if not may_judge(session, settings):
            return 0
        _free_slots_of_the_silent(session, settings)
        due = [(row.id, row.output_prefix) for row in _due(session, settings)]
    reaped = 0
    for attempt_id, prefix in due:
        applied = take_result(database, objects, attempt_id, prefix, settings)
        if applied is None:
            with database.transaction() as session:
                applied = _end(session, attempt_id, settings)
        reaped += applied
    return reaped


def _is_due(settings: Settings) -> ColumnElement[bool]:
    start_s = case((AttemptRow.lane == Lane.JOB, settings.job_start_timeout_s), else_=settings.start_timeout_s)
    return or_(
        and_(AttemptRow.run_id.is_(None), AttemptRow.sent_at < NOW - func.make_interval(0, 0, 0, 0, 0, 0, start_s)),
        and_(AttemptRow.run_id.is_not(None), AttemptRow.heartbeat_at < NOW - func.make_interval(0, 0, 0, 0, 0, 0, settings.lease_s)),
    )


def _due(session: Session, settings: Settings) -> Sequence[AttemptRow]:
    live = (AttemptRow.holds_slot, AttemptRow.state.in_(LIVE_ATTEMPTS))  # every live one holds a slot, and slots have an index
    return session.scalars(select(AttemptRow).where(*live, _is_due(settings)).order_by(AttemptRow.admitted_at).limit(BATCH)).all()


def _end(session: Session, attempt_id: str, settings: Settings) -> bool:
    if results.lock_attempt(session, attempt_id) is None:
        return False
    attempt = session.scalar(select(AttemptRow).where(AttemptRow.id == attempt_id, AttemptRow.state.in_(LIVE_ATTEMPTS), _is_due(settings)))
    if attempt is None:
        return False
    started = attempt.run_id is not None
    message = "Its function fell silent." if started else "No function took it in time."
    log.warning("reaped an attempt", extra={"attempt_id": attempt_id, "reason": message})
    word = Failed(attempt_id=attempt_id, run_id="", operation=attempt.operation, duration_ms=0, failure=FailureClass.INFRA, message=message)
    return results.end_failed(session, word, settings, end=AttemptState.LOST)


def _free_slots_of_the_silent(session: Session, settings: Settings) -> None:
    """Cancelled attempts whose event was out, and that nobody will answer for any more."""
    silent = session.scalars(
        select(AttemptRow)
        .where(AttemptRow.state == AttemptState.CANCELLED, AttemptRow.holds_slot, _is_due(settings))
        .with_for_update(skip_locked=True)
        .limit(BATCH)
    ).all()
    for attempt in silent:
        attempt.holds_slot = False
    session.flush()
    for operation, lane in sorted({(attempt.operation, attempt.lane) for attempt in silent}):
        admit(session, operation, Lane(lane), settings)
