"""What functions report: `completed` and `failed`. One transaction each: attempt, work, tasks, media, and what is admitted next.

Whose word counts is `gateway.domain.work`'s decision: the first `completed` of an attempt that has not ended.
"""

import logging
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain import work as machine
from gateway.domain.states import AttemptState, MediaState, TaskState, WorkState
from gateway.domain.token import is_valid
from gateway.metrics import measures
from gateway.service.admission import admit_all
from gateway.service.arrivals import lose
from gateway.service.errors import Forged
from gateway.service.jobs import attach_waiting
from gateway.service.tasks import end_tasks, fail_queued_tasks_of_media
from gateway.settings import Settings
from gateway.store import vectors
from gateway.store.tables import NOW, ArtifactRow, AttemptRow, MediaRow, WorkRow, after
from schemas.errors import FailureClass
from schemas.ids import uuid7
from schemas.payloads import Completed, Failed

log = logging.getLogger(__name__)

VERDICTS = frozenset({FailureClass.BAD_INPUT, FailureClass.UNSUPPORTED, FailureClass.LIMIT})
"""Probe's failures that are a judgement on the bytes: the media is rejected, not failed."""


@dataclass(frozen=True, kw_only=True)
class Locked:
    """An attempt's rows, locked in order. `work` is None where it was removed under a late word."""

    media: MediaRow | None
    work: WorkRow | None
    attempt: AttemptRow


def lock_attempt(session: Session, attempt_id: str) -> Locked | None:
    """Locks media, work and attempt, or None for an attempt that nobody knows."""
    known = session.get(AttemptRow, attempt_id)
    if known is None:
        return None
    fresh = {"populate_existing": True}
    media = session.scalar(select(MediaRow).where(MediaRow.id == known.source_media_id).with_for_update().execution_options(**fresh))
    work = session.scalar(select(WorkRow).where(WorkRow.id == known.work_id).with_for_update().execution_options(**fresh))
    attempt = session.scalar(select(AttemptRow).where(AttemptRow.id == attempt_id).with_for_update().execution_options(**fresh))
    assert attempt is not None
    return Locked(media=media, work=work, attempt=attempt)


def check_token(attempt_id: str, token: str | None, settings: Settings) -> None:
    """Raises Forged unless the token is this attempt's."""
    if not is_valid(settings.token_key, attempt_id, token):
        raise Forged(attempt_id)


def completed(session: Session, word: Completed, settings: Settings) -> bool:
    """Applies a result. Returns whether it changed anything: a late or repeated word does not.

    Raises:
        Forged. ValueError: it is no whole result.
    """
    check_token(word.attempt_id, word.token, settings)
    locked = lock_attempt(session, word.attempt_id)
    if locked is None:
        return False
    if locked.work is None:
        return _answer_without_work(session, locked.attempt, settings)
    attempt, work = locked.attempt, locked.work
    if any(not artifact.object_key.startswith(attempt.output_prefix) for artifact in word.artifacts):
        raise Forged(word.attempt_id)
    if work.operation == "probe" and word.facts is None:
        raise ValueError("The result of a probe has no facts.")
    ending = machine.complete(work.record(), attempt.record())
    counts = attempt.record().live
    admissible = {work.operation}
    _end_attempt(attempt, ending, word.duration_ms)
    if counts:
        work.take(ending.work)
        measures.attempt_ended(session, attempt, AttemptState.DONE, duration_ms=word.duration_ms)
        _keep_artifacts(session, work, word)
        session.flush()
        if work.operation == "probe":
            if locked.media is not None:
                admissible |= accept(session, locked.media, attempt, word, settings)
        else:
            if word.vector is not None:
                vectors.save(session, tenant=work.tenant, sha256=work.content, vector=word.vector)
            end_tasks(session, work.id, TaskState.DONE)
    session.flush()
    admit_all(session, admissible, settings)
    return counts


def accept(session: Session, media: MediaRow, attempt: AttemptRow, word: Completed, settings: Settings) -> set[str]:
    """Probe has taken the media: its facts stand, the tasks that waited for that join their works. Returns the operations to admit."""
    if media.dead or media.state != MediaState.UPLOADED or media.etag != attempt.source_etag or word.facts is None:
        return set()
    if media.sha256 is not None and media.sha256 != word.facts.sha256:
        reject(session, media, FailureClass.INFRA, "The stored bytes are not those that were uploaded.")
        return set()
    media.state, media.facts, media.kind = MediaState.ACCEPTED, word.facts.model_dump(mode="json"), word.facts.kind
    media.sha256, media.bytes = word.facts.sha256, word.facts.bytes
    media.content_type = word.content_type or media.content_type
    measures.media_judged(session, media.id, media.state, kind=word.facts.kind, bytes_=word.facts.bytes)
    session.flush()
    return attach_waiting(session, media, settings)


def reject(session: Session, media: MediaRow, failure: FailureClass, message: str) -> None:
    """Probe's other ends: a verdict rejects the media, anything else fails it; its waiting tasks fail alike."""
    media.state = MediaState.REJECTED if failure in VERDICTS else MediaState.FAILED
    media.error_class, media.error_message = failure, message
    measures.media_judged(session, media.id, media.state, failure=failure)
    session.flush()
    fail_queued_tasks_of_media(session, media.id, failure, message)


def failed(session: Session, word: Failed, settings: Settings, *, end: AttemptState = AttemptState.FAILED) -> bool:
    """Applies a failure as its function reported it. Returns whether it changed anything.

    Raises:
        Forged.
    """
    check_token(word.attempt_id, word.token, settings)
    return end_failed(session, word, settings, end=end)


def end_failed(session: Session, word: Failed, settings: Settings, *, end: AttemptState) -> bool:
    """The same without a token: for those who end an attempt for its run (reaper, dead-letter sink)."""
    locked = lock_attempt(session, word.attempt_id)
    if locked is None:
        return False
    if locked.work is None:
        return _answer_without_work(session, locked.attempt, settings)
    attempt, work, media = locked.attempt, locked.work, locked.media
    source_is_lost = media is None or media.deleted_at is not None or media.etag != attempt.source_etag or media.gone_at is not None
    if word.source_gone and media is not None and media.etag == attempt.source_etag and not media.dead:
        lose(session, media)
        source_is_lost = True
    why = machine.Failure(failure=word.failure, source_was_deleted=word.source_gone and source_is_lost)
    ending = machine.fail(work.record(), attempt.record(), why, end=end, job_lane=work.operation in settings.job_slots)
    counts = attempt.record().live
    _end_attempt(attempt, ending, word.duration_ms)
    if counts:
        ran_ms = word.duration_ms if word.run_id else None
        another = ending.retry_in_s is not None
        measures.attempt_ended(session, attempt, end, failure=word.failure, duration_ms=ran_ms, retried=another)
        attempt.failure_class, attempt.message, attempt.log_tail = word.failure, word.message, word.log_tail
        work.take(ending.work)
        if ending.retry_in_s is not None:
            work.not_before = after(ending.retry_in_s)
        elif work.operation != "probe":
            end_tasks(session, work.id, TaskState.FAILED, word.failure, word.message)
        elif media is not None and not media.dead and media.etag == attempt.source_etag and media.state == MediaState.UPLOADED:
            reject(session, media, word.failure, word.message)
    session.flush()
    admit_all(session, [work.operation], settings)
    return counts


def _answer_without_work(session: Session, attempt: AttemptRow, settings: Settings) -> bool:
    """A late word of an attempt whose work was removed: it only frees the slot."""
    if not attempt.record().live:
        attempt.holds_slot = False
    session.flush()
    admit_all(session, [attempt.operation], settings)
    return False


def _end_attempt(attempt: AttemptRow, ending: machine.Ending, duration_ms: int) -> None:
    if attempt.record().live:
        attempt.finished_at, attempt.duration_ms = NOW, duration_ms
    attempt.take(ending.attempt)


def _keep_artifacts(session: Session, work: WorkRow, word: Completed) -> None:
    assert work.state == WorkState.DONE
    measures.artifacts_kept(session, work.operation, sum(artifact.bytes for artifact in word.artifacts))
    session.add_all(
        ArtifactRow(id=uuid7(), work_id=work.id, position=position, **artifact.model_dump())
        for position, artifact in enumerate(word.artifacts)
    )
