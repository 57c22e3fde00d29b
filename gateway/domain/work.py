"""The state machine of one work and its attempts: who may claim, whose word counts, what happens next.

Every function takes records and gives records. Which rows they come from, and the transaction around them, is `gateway.service`'s job.
"""

from dataclasses import dataclass, field, replace

from gateway.domain.retry import Counts, allows_another, backoff_s
from gateway.domain.states import LIVE_ATTEMPTS, LIVE_WORKS, AttemptState, WorkState
from schemas.errors import FailureClass
from schemas.events import Lane
from schemas.payloads import Verdict


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the machine needs of a work. `attempts` counts all that there ever were; `lane` is the next one's."""

    state: WorkState
    lane: Lane = Lane.REQUEST
    attempts: int = 0
    counts: Counts = field(default_factory=Counts)
    result_attempt: int | None = None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What the machine needs of an attempt. `holds_slot` outlives the end of a cancelled one that was sent."""

    number: int
    state: AttemptState
    run_id: str | None = None
    holds_slot: bool = True

    @property
    def live(self) -> bool:
        return self.state in LIVE_ATTEMPTS


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt ended without a result."""

    failure: FailureClass
    source_was_deleted: bool = False  # by a client, under the run: nobody's fault, never counted


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What the end of an attempt means. `retry_in_s` is None where the work is not tried again."""

    work: Work
    attempt: Attempt
    retry_in_s: float | None = None


def attach(work: Work, lane: Lane = Lane.REQUEST, *, job_lane: bool = False) -> Work:
    """A live task joins: a failed or cancelled work is revived with fresh bounds; any other stays as it is.

    Args:
        lane: what its prediction asks for.
        job_lane: there is a lane `job` for it. A work that was on it goes there again: a timeout may have brought it there.
    """
    if work.state in (WorkState.FAILED, WorkState.CANCELLED):
        lane = Lane.JOB if job_lane and work.lane is Lane.JOB else lane
        return replace(work, state=WorkState.WAITING, counts=Counts(), lane=lane)
    return work


def admit(work: Work) -> tuple[Work, Attempt]:
    """The work's next attempt goes out."""
    assert work.state is WorkState.WAITING
    number = work.attempts + 1
    return replace(work, state=WorkState.OUT, attempts=number), Attempt(number=number, state=AttemptState.ADMITTED)


def sent(attempt: Attempt) -> Attempt:
    """The broker has the event. A claim may already have overtaken this word."""
    return replace(attempt, state=AttemptState.SENT) if attempt.state is AttemptState.ADMITTED else attempt


def claim(attempt: Attempt, run_id: str) -> tuple[Attempt, Verdict]:
    """A run's heartbeat. The first one claims; an attempt is claimed by one run, ever."""
    if not attempt.live:
        return replace(attempt, holds_slot=False), Verdict.STOP
    if attempt.run_id is None:
        return replace(attempt, state=AttemptState.RUNNING, run_id=run_id), Verdict.GO
    return attempt, Verdict.GO if attempt.run_id == run_id else Verdict.WAIT


def complete(work: Work, attempt: Attempt) -> Ending:
    """`completed` of an attempt: counts if the attempt has not ended; a late word only frees its slot."""
    if not attempt.live:
        return Ending(work=work, attempt=replace(attempt, holds_slot=False))
    ended = replace(attempt, state=AttemptState.DONE, holds_slot=False)
    return Ending(work=replace(work, state=WorkState.DONE, result_attempt=attempt.number), attempt=ended)


def fail(work: Work, attempt: Attempt, why: Failure, *, end: AttemptState = AttemptState.FAILED, job_lane: bool = False) -> Ending:
    """An attempt ended without a result.

    Args:
        end: FAILED when its run said so, LOST when it was ended for its run.
        job_lane: there is a lane `job` for it: what timed out as a request goes there.
    """
    if not attempt.live:
        return Ending(work=work, attempt=replace(attempt, holds_slot=False))
    ended = replace(attempt, state=end, holds_slot=False)
    counts = work.counts if why.source_was_deleted else work.counts.plus(why.failure)
    if why.failure is FailureClass.TIMEOUT and work.lane is Lane.REQUEST and job_lane:
        return Ending(work=replace(work, state=WorkState.WAITING, lane=Lane.JOB), attempt=ended, retry_in_s=0.0)
    if why.source_was_deleted or allows_another(why.failure, counts):
        wait_s = 0.0 if why.source_was_deleted else backoff_s(why.failure, counts)
        return Ending(work=replace(work, state=WorkState.WAITING, counts=counts), attempt=ended, retry_in_s=wait_s)
    return Ending(work=replace(work, state=WorkState.FAILED, counts=counts), attempt=ended)


def abandon(work: Work, attempt: Attempt | None) -> tuple[Work, Attempt | None]:
    """No live task is left: the work stops.

    A live attempt is cancelled. One whose event may be out keeps its slot until somebody has answered for it.
    """
    if work.state not in LIVE_WORKS:
        return work, attempt
    if attempt is not None and attempt.live:
        never_sent = attempt.state is AttemptState.ADMITTED
        attempt = replace(attempt, state=AttemptState.CANCELLED, holds_slot=not never_sent)
    return replace(work, state=WorkState.CANCELLED), attempt
