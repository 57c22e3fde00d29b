"""Heartbeats: the first of a run claims its attempt, later ones renew the lease and carry progress."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.domain import work as machine
from gateway.domain.token import is_valid
from gateway.metrics import measures
from gateway.service.admission import admit
from gateway.service.errors import Forged
from gateway.service.tasks import start_tasks
from gateway.settings import Settings
from gateway.store.tables import NOW, AttemptRow
from schemas.events import Lane
from schemas.payloads import Heartbeat, Verdict


def heartbeat(session: Session, beat: Heartbeat, settings: Settings) -> Verdict:
    """The gateway's answer to a run.

    Raises:
        Forged: the token is not this attempt's.
    """
    if not is_valid(settings.token_key, beat.attempt_id, beat.token):
        raise Forged(beat.attempt_id)
    row = session.scalar(select(AttemptRow).where(AttemptRow.id == beat.attempt_id).with_for_update())
    if row is None:
        return Verdict.STOP
    held, first = row.holds_slot, row.started_at is None
    attempt, verdict = machine.claim(row.record(), beat.run_id)
    if verdict is Verdict.GO:
        row.heartbeat_at = NOW
        row.started_at = row.started_at or NOW
        if beat.progress is not None:
            row.progress = max(beat.progress, row.progress or 0.0)
    row.take(attempt)
    session.flush()
    if verdict is Verdict.GO:
        if first:
            waited = select(func.extract("epoch", func.clock_timestamp() - AttemptRow.admitted_at)).where(AttemptRow.id == row.id)
            waited_s = float(session.scalar(waited) or 0)
            measures.run_started(session, operation=row.operation, lane=row.lane, waited_s=waited_s, cold=beat.cold)
        start_tasks(session, row.work_id)
    elif held and not row.holds_slot:
        admit(session, row.operation, Lane(row.lane), settings)
    return verdict
