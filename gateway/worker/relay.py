"""The relay: sends the outbox to the broker, at least once.

Each POST has a long patience and a thread of its own, so that one slow answer holds up no other. A relay that dies leaves rows
whose claim runs out; another sends them again.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import urllib3
from sqlalchemy import delete, func, select, update

from gateway.domain import work as machine
from gateway.domain.states import AttemptState
from gateway.metrics import measures
from gateway.service import results
from gateway.settings import Settings
from gateway.store.database import Database, DatabaseUnavailable
from gateway.store.tables import NOW, AttemptRow, OutboxRow, after
from infra.identity import authorization
from infra.telemetry.tracing import span
from schemas import envelope
from schemas.envelope import Event
from schemas.errors import FailureClass, MalformedEvent
from schemas.payloads import Failed

log = logging.getLogger(__name__)

CLAIM_S = 30.0
RENEW_EVERY_S = 10.0
PATIENCE_S = 660.0
"""Knative's in-memory channel answers a POST only when all its deliveries have ended."""
MAX_UNDER_WAY = 64
TRY_AGAIN_S = 2.0
REFUSED = frozenset({400, 413, 414, 415, 422, 431})
"""A broker that answers so will never take this event."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One outbox row on its way."""

    id: int
    attempt_id: str
    event: Event


class Relay:
    """Sends what the outbox holds until it is stopped."""

    def __init__(self, database: Database, broker_url: str, settings: Settings) -> None:
        self._database, self._broker_url, self._settings = database, broker_url, settings
        self._http = urllib3.PoolManager(maxsize=MAX_UNDER_WAY, retries=False, timeout=urllib3.Timeout(connect=5, read=PATIENCE_S))
        self._pool = ThreadPoolExecutor(MAX_UNDER_WAY, thread_name_prefix="relay")
        self._under_way: set[int] = set()
        self._lock = threading.Lock()

    def run(self, wake: threading.Event, stop: threading.Event) -> None:
        """Claims and sends whenever there is a wake-up, and every second."""
        while not stop.is_set():
            wake.wait(1.0)
            wake.clear()
            try:
                while letters := self._claim():
                    for letter in letters:
                        self._pool.submit(self._send, letter)
            except DatabaseUnavailable as exc:
                log.warning("the outbox cannot be read", extra={"reason": str(exc)})
                stop.wait(1.0)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def renew(self) -> None:
        """Keeps the claims on what is still under way."""
        with self._lock:
            under_way = list(self._under_way)
        if under_way:
            with self._database.transaction() as session:
                session.execute(update(OutboxRow).where(OutboxRow.id.in_(under_way)).values(claimed_until=after(CLAIM_S)))

    def _claim(self) -> list[Letter]:
        with self._lock:
            free = MAX_UNDER_WAY - len(self._under_way)
        if free <= 0:
            return []
        with self._database.transaction() as session:
            unclaimed = (OutboxRow.claimed_until.is_(None)) | (OutboxRow.claimed_until < NOW)
            ids = select(OutboxRow.id).where(unclaimed).order_by(OutboxRow.id).limit(free).with_for_update(skip_locked=True)
            rows = session.execute(
                update(OutboxRow)
                .where(OutboxRow.id.in_(ids))
                .values(claimed_until=after(CLAIM_S))
                .returning(OutboxRow.id, OutboxRow.attempt_id, OutboxRow.event)
            ).all()
        letters = [
            Letter(id=row.id, attempt_id=row.attempt_id, event=_event(row.event)) for row in sorted(rows, key=lambda row: int(row.id))
        ]
        with self._lock:
            self._under_way.update(letter.id for letter in letters)
        return letters

    def _send(self, letter: Letter) -> None:
        event = letter.event
        try:
            noted = {"messaging.message.id": event.id, "darkroom.attempt_id": letter.attempt_id}
            with span(f"publish {event.operation}", kind="producer", parent=event.traceparent, attributes=noted) as hop:
                headers, body = envelope.to_binary(event.continuing(hop.traceparent))
                headers |= {"traceparent": hop.traceparent, **authorization()}
                answer = self._http.request("POST", self._broker_url, headers=headers, body=body)
                hop.note({"http.response.status_code": answer.status})
            if answer.status == 202:
                self._mark(letter)
            elif answer.status in REFUSED:
                self._give_up(letter, f"The broker refuses its event with {answer.status}.")
            else:
                self._try_later(letter, f"the broker answers {answer.status}")
        except MalformedEvent as exc:
            self._give_up(letter, f"Its event cannot be sent: {exc}.")
        except urllib3.exceptions.HTTPError as exc:
            self._try_later(letter, str(exc)[:200])
        except DatabaseUnavailable as exc:
            log.warning("sent, but not marked: it will be sent again", extra={"attempt_id": letter.attempt_id, "reason": str(exc)})
        except Exception:
            log.exception("an event could not be sent", extra={"attempt_id": letter.attempt_id})
        finally:
            with self._lock:
                self._under_way.discard(letter.id)

    def _try_later(self, letter: Letter, reason: str) -> None:
        measures.PUBLISHED.labels("later").inc()
        log.warning("an event could not be sent", extra={"attempt_id": letter.attempt_id, "reason": reason})
        with self._database.transaction() as session:
            session.execute(update(OutboxRow).where(OutboxRow.id == letter.id).values(claimed_until=after(TRY_AGAIN_S)))

    def _give_up(self, letter: Letter, reason: str) -> None:
        """The attempt ends as `infra`: the next one may have another event, and after some the work fails with this sentence."""
        measures.PUBLISHED.labels("refused").inc()
        log.error("an event will never be sent", extra={"attempt_id": letter.attempt_id, "reason": reason})
        operation = str(letter.event.operation)
        word = Failed(
            attempt_id=letter.attempt_id, run_id="", operation=operation, duration_ms=0, failure=FailureClass.INFRA, message=reason[:500]
        )
        with self._database.transaction() as session:
            session.execute(delete(OutboxRow).where(OutboxRow.id == letter.id))
            results.end_failed(session, word, self._settings, end=AttemptState.LOST)

    def _mark(self, letter: Letter) -> None:
        with self._database.transaction() as session:
            row = session.scalar(select(AttemptRow).where(AttemptRow.id == letter.attempt_id).with_for_update())
            if row is not None:
                row.take(machine.sent(row.record()))
                row.sent_at = row.sent_at or NOW
            lag = func.extract("epoch", func.clock_timestamp() - OutboxRow.created_at)
            lag_s = session.scalar(delete(OutboxRow).where(OutboxRow.id == letter.id).returning(lag))
        measures.PUBLISHED.labels("accepted").inc()
        if lag_s is not None:
            measures.OUTBOX_LAG.labels(str(letter.event.operation)).observe(max(0.0, float(lag_s)))


def _event(stored: dict[str, Any]) -> Event:
    return Event(**stored)
