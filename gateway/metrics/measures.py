"""What the gateway counts, once the transaction that made it true is committed. Metrics of one process: Prometheus adds them up.

The gateway hears every reply, so the counts of operations are here and not in functions, which come and go between two scrapes. What can
be read from the ledger at any time (queue, outbox, dead letters) is not counted but read: `gateway.service.standing`.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import Counter, Histogram
from sqlalchemy import event
from sqlalchemy.orm import Session

from gateway.store.tables import AttemptRow
from schemas.catalogue import CATALOGUE
from schemas.errors import FailureClass
from schemas.events import OWN_TYPES, Lane

log = logging.getLogger(__name__)

_LONG_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_SHORT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

ATTEMPTS = Counter(
    "darkroom_attempts",
    "Attempts that ended: done, failed, lost or cancelled; with a failure's class.",
    ["operation", "lane", "result", "class"],
)
DURATION = Histogram("darkroom_attempt_duration_seconds", "A run's own time, as its reply says.", ["operation", "lane"], buckets=_LONG_S)
RETRIES = Counter("darkroom_retries", "Attempts after which the gateway planned another.", ["operation", "lane", "class"])
STARTS = Histogram(
    "darkroom_start_wait_seconds",
    "From admission to the claim; cold: by a process that had claimed nothing before.",
    ["operation", "lane", "cold"],
    buckets=_SHORT_S,
)
COLD_STARTS = Counter("darkroom_cold_starts", "Runs that were the first of their process.", ["operation", "lane"])
TASKS = Counter("darkroom_tasks", "Tasks that ended.", ["operation", "result", "class"])
MEDIA = Counter("darkroom_media", "Media judged: accepted, rejected or failed.", ["result", "class"])
MEDIA_BYTES = Counter("darkroom_media_bytes", "Bytes of accepted originals.", ["kind"])
ARTIFACT_BYTES = Counter("darkroom_artifact_bytes", "Bytes of artifacts that count.", ["operation"])
DEAD_LETTERS = Counter("darkroom_dead_letters_kept", "Events kept because nobody could take them.", ["type"])
EVENTS = Counter("darkroom_events", "Events from the broker: applied, repeated or quarantined.", ["type", "result"])
OUTBOX_LAG = Histogram("darkroom_outbox_lag_seconds", "From an event's commit to the broker's 202.", ["operation"], buckets=_SHORT_S)
PUBLISHED = Counter("darkroom_outbox_posts", "POSTs to the broker: accepted, refused or later.", ["result"])
HTTP_REQUESTS = Counter("darkroom_http_requests", "Public requests, by their route's pattern.", ["method", "route", "status"])
HTTP_DURATION = Histogram("darkroom_http_request_duration_seconds", "Until the answer begins.", ["method", "route"], buckets=_SHORT_S)


def begin() -> None:
    """Shows the commonest counts at zero, so that the first of each is an increase to Prometheus, too."""
    for operation in CATALOGUE:
        ATTEMPTS.labels(operation, Lane.REQUEST, "done", "")
        COLD_STARTS.labels(operation, Lane.REQUEST)
        ARTIFACT_BYTES.labels(operation)
        for failure in FailureClass:
            RETRIES.labels(operation, Lane.REQUEST, failure)
    for event_type in OWN_TYPES:
        DEAD_LETTERS.labels(event_type)
    for result in ("accepted", "later", "refused"):
        PUBLISHED.labels(result)


def when_committed(session: Session, count: Callable[[], object]) -> None:
    """Counts once this transaction is committed, and never if it is not."""
    event.listen(session, "after_commit", lambda _: count(), once=True)


def attempt_ended(
    session: Session, attempt: AttemptRow, result: str, *, failure: str | None = None, duration_ms: int | None = None, retried: bool = False
) -> None:
    """One attempt's end. `duration_ms` None: nobody worked on it; `retried`: another is planned."""
    attempt_id, operation, lane = attempt.id, attempt.operation, attempt.lane

    def count() -> None:
        log.info("attempt ended", extra={"attempt_id": attempt_id, "operation": operation, "result": result, "class": failure})
        ATTEMPTS.labels(operation, lane, result, failure or "").inc()
        if duration_ms is not None:
            DURATION.labels(operation, lane).observe(duration_ms / 1000)
        if retried:
            RETRIES.labels(operation, lane, failure or "").inc()

    when_committed(session, count)


def tasks_ended(session: Session, tasks: Iterable[Sequence[str]], result: str, failure: str | None = None) -> None:
    """Tasks that ended alike, each as (task id, job id, operation)."""

    def count() -> None:
        for task_id, job_id, operation in tasks:
            log.info("task ended", extra={"task_id": task_id, "job_id": job_id, "operation": operation, "result": result, "class": failure})
            TASKS.labels(operation, result, failure or "").inc()

    when_committed(session, count)


def media_judged(session: Session, media_id: str, result: str, *, failure: str | None = None, kind: str = "", bytes_: int = 0) -> None:
    """Probe's word on a media, or that there was none."""

    def count() -> None:
        log.info("media judged", extra={"media_id": media_id, "result": result, "class": failure})
        MEDIA.labels(result, failure or "").inc()
        if kind:
            MEDIA_BYTES.labels(kind).inc(bytes_)

    when_committed(session, count)


def run_started(session: Session, *, operation: str, lane: str, waited_s: float, cold: bool) -> None:
    """A run claimed its attempt, so long after the attempt was admitted."""

    def count() -> None:
        STARTS.labels(operation, lane, "true" if cold else "false").observe(max(0.0, waited_s))
        if cold:
            COLD_STARTS.labels(operation, lane).inc()

    when_committed(session, count)


def artifacts_kept(session: Session, operation: str, bytes_: int) -> None:
    """A work's result counts: so many bytes of artifacts."""
    when_committed(session, lambda: ARTIFACT_BYTES.labels(operation).inc(bytes_))
