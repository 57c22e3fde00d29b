"""What is known of one Job, and what time and a restart make of it. Pure.

A Job that was created runs, whatever dies in between. One that was running when its node died has failed: with backoffLimit 0 no pod is
started again.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

MAX_EVENT_BYTES = 1 << 20  # a Secret's limit


class Phase(StrEnum):
    """Where a Job is."""

    WAITING = "waiting"  # created; its process is still to come
    RUNNING = "running"
    COMPLETE = "complete"  # exit status 0
    FAILED = "failed"
    STUCK = "stuck"  # its Secret was never made: its pod waits for ever


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """One Job. `sink` is its JobSink's namespace/name; times are seconds since the epoch."""

    name: str
    sink: str
    source: str
    id: str
    phase: Phase
    created_at_s: float
    finished_at_s: float | None = None
    reason: str = ""

    def ended(self, phase: Phase, reason: str, now_s: float) -> "JobRecord":
        return replace(self, phase=phase, reason=reason, finished_at_s=now_s)


def job_name(sink: str, source: str, event_id: str) -> str:
    """The name that Knative 1.23 gives the Job of this event."""
    return f"{sink}-{hashlib.md5((source + event_id).encode(), usedforsecurity=False).hexdigest()}"


def after_restart(record: JobRecord, now_s: float) -> JobRecord:
    """The record of a Job whose node has been away."""
    return record.ended(Phase.FAILED, "its node went away", now_s) if record.phase is Phase.RUNNING else record


def is_to_go(record: JobRecord, ttl_s: float | None, now_s: float) -> bool:
    """Has it been over for ttlSecondsAfterFinished? Without that it stays for good."""
    return ttl_s is not None and record.finished_at_s is not None and now_s >= record.finished_at_s + ttl_s


def left_s(record: JobRecord, active_deadline_s: float | None, now_s: float) -> float | None:
    """Seconds that it may still take, by activeDeadlineSeconds; None: no limit."""
    return None if active_deadline_s is None else max(0.0, record.created_at_s + active_deadline_s - now_s)
