"""Every state that the ledger knows, with its meaning beside it."""

from enum import StrEnum


class MediaState(StrEnum):
    """A media's life. Deleted and expired are stamps on the row beside it, and final."""

    AWAITING_UPLOAD = "awaiting_upload"  # the row exists, its object does not yet
    UPLOADED = "uploaded"  # the object is there, probe has not ended
    ACCEPTED = "accepted"  # probed: facts and sha256 are known
    REJECTED = "rejected"  # probe's verdict on the bytes: bad-input, unsupported, limit
    FAILED = "failed"  # probe ended otherwise, or the object never came or is gone


class TaskState(StrEnum):
    """One operation of one job; a job has the same five."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # final
    FAILED = "failed"  # left only by a client's retry or redrive
    CANCELLED = "cancelled"  # final


class WorkState(StrEnum):
    """One result worth making once."""

    WAITING = "waiting"  # needs an attempt, and has a live task
    OUT = "out"  # one attempt is live
    DONE = "done"  # `result_attempt` names the artifacts; final
    FAILED = "failed"  # until a task is attached anew
    CANCELLED = "cancelled"  # no live task was left; until a task is attached anew


class AttemptState(StrEnum):
    """One try. Every end is final."""

    ADMITTED = "admitted"  # holds a slot, its event is in the outbox
    SENT = "sent"  # the broker said 202
    RUNNING = "running"  # claimed by one run
    DONE = "done"
    FAILED = "failed"  # the run said so
    LOST = "lost"  # ended for its run: unclaimed too long, silent past its lease, or dead-lettered unclaimed
    CANCELLED = "cancelled"


LIVE_TASKS = frozenset({TaskState.QUEUED, TaskState.RUNNING})
LIVE_ATTEMPTS = frozenset({AttemptState.ADMITTED, AttemptState.SENT, AttemptState.RUNNING})
LIVE_WORKS = frozenset({WorkState.WAITING, WorkState.OUT})
