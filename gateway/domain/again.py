"""What becomes of a failed task, or of a dead letter, when a client asks for it again. Pure: the caller has read the states, and acts."""

from enum import Enum, auto

from gateway.domain.states import LIVE_WORKS, MediaState, WorkState


class Retry(Enum):
    """How a failed task of a media goes on."""

    ATTACH = auto()  # the media is accepted: the task joins its work, as that work's next attempt
    WAIT = auto()  # the media is being probed: the task waits for that
    PROBE = auto()  # the media failed and its object is there: it is probed again first
    NEVER = auto()  # the verdict on the bytes stands, or there are no bytes


def retry(media: MediaState, *, object_is_there: bool) -> Retry:
    """Decides.

    Args:
        object_is_there: the store has the version that the media's row names. Matters for a failed media only.
    """
    match media:
        case MediaState.ACCEPTED:
            return Retry.ATTACH
        case MediaState.FAILED:
            return Retry.PROBE if object_is_there else Retry.NEVER
        case MediaState.REJECTED:
            return Retry.NEVER
        case _:
            return Retry.WAIT


class Redrive(Enum):
    """What redriving a dead letter does."""

    APPLY = auto()  # the event itself, once more, through the ordinary handler
    RETRY = auto()  # its work has failed: a new attempt, with a new id
    HURRY = auto()  # a new attempt is on its way already: without its backoff, then
    REFUSE = auto()  # done, cancelled, or nothing that the ledger knows


def redrive(*, is_request: bool, is_upload: bool, work: WorkState | None, attempt_is_live: bool) -> Redrive:
    """Decides.

    Args:
        is_request: a `requested` event; its attempt is over, only its work can go on.
        is_upload: a notification of the store; it has no work.
        work: the state of the work whose attempt the event speaks of; None where the ledger knows none.
    """
    if is_upload:
        return Redrive.APPLY
    if attempt_is_live and not is_request:
        return Redrive.APPLY
    if work is WorkState.FAILED:
        return Redrive.RETRY
    return Redrive.HURRY if work in LIVE_WORKS else Redrive.REFUSE
