"""What a retry and a redrive mean, as tables."""

import pytest

from gateway.domain.again import Redrive, Retry, redrive, retry
from gateway.domain.states import MediaState, WorkState


@pytest.mark.parametrize(
    ("media", "there", "expected"),
    [
        (MediaState.AWAITING_UPLOAD, False, Retry.WAIT),
        (MediaState.UPLOADED, False, Retry.WAIT),
        (MediaState.ACCEPTED, False, Retry.ATTACH),  # a source is looked for at admission
        (MediaState.REJECTED, True, Retry.NEVER),  # a verdict on the bytes, and the bytes are the same
        (MediaState.FAILED, True, Retry.PROBE),
        (MediaState.FAILED, False, Retry.NEVER),
    ],
)
def test_retry(media: MediaState, there: bool, expected: Retry) -> None:
    assert retry(media, object_is_there=there) is expected


@pytest.mark.parametrize("work", [None, *WorkState])
def test_a_stores_notification_is_applied_whatever_works_there_are(work: WorkState | None) -> None:
    assert redrive(is_request=False, is_upload=True, work=work, attempt_is_live=False) is Redrive.APPLY


@pytest.mark.parametrize(
    ("work", "request_", "word_of_the_live", "word_of_the_ended"),
    [
        (None, Redrive.REFUSE, Redrive.APPLY, Redrive.REFUSE),
        (WorkState.WAITING, Redrive.HURRY, Redrive.APPLY, Redrive.HURRY),
        (WorkState.OUT, Redrive.HURRY, Redrive.APPLY, Redrive.HURRY),
        (WorkState.DONE, Redrive.REFUSE, Redrive.APPLY, Redrive.REFUSE),
        (WorkState.FAILED, Redrive.RETRY, Redrive.APPLY, Redrive.RETRY),
        (WorkState.CANCELLED, Redrive.REFUSE, Redrive.APPLY, Redrive.REFUSE),
    ],
)
def test_redrive(work: WorkState | None, request_: Redrive, word_of_the_live: Redrive, word_of_the_ended: Redrive) -> None:
    assert redrive(is_request=True, is_upload=False, work=work, attempt_is_live=work is WorkState.OUT) is request_
    assert redrive(is_request=False, is_upload=False, work=work, attempt_is_live=True) is word_of_the_live
    assert redrive(is_request=False, is_upload=False, work=work, attempt_is_live=False) is word_of_the_ended
