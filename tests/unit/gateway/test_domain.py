"""The state machines, as tables; the property tests are in test_domain_properties.py."""

from dataclasses import replace

import pytest

from gateway.domain import work as machine
from gateway.domain.jobs import job_state
from gateway.domain.media import Action, Arrival, Row, arrive
from gateway.domain.retry import Counts, allows_another, backoff_s
from gateway.domain.states import AttemptState, MediaState, TaskState, WorkState
from gateway.domain.token import attempt_token, is_valid
from gateway.domain.work import Attempt, Failure, Work
from schemas.errors import FailureClass
from schemas.payloads import Verdict

INFRA, TOOL, BAD, TIMEOUT = FailureClass.INFRA, FailureClass.TOOL, FailureClass.BAD_INPUT, FailureClass.TIMEOUT
OUT = Work(state=WorkState.OUT, attempts=1)
SENT = Attempt(number=1, state=AttemptState.SENT)


def test_one_run_ever() -> None:
    running, verdict = machine.claim(SENT, "r1")
    assert (verdict, running.state, running.run_id) == (Verdict.GO, AttemptState.RUNNING, "r1")
    assert machine.claim(running, "r1")[1] is Verdict.GO
    assert machine.claim(running, "r2") == (running, Verdict.WAIT)
    done = machine.complete(OUT, running).attempt
    assert machine.claim(done, "r2")[1] is Verdict.STOP


def test_a_claim_may_overtake_the_relays_word() -> None:
    claimed, _ = machine.claim(replace(SENT, state=AttemptState.ADMITTED), "r1")
    assert machine.sent(claimed).state is AttemptState.RUNNING


@pytest.mark.parametrize("end", [AttemptState.DONE, AttemptState.FAILED, AttemptState.LOST, AttemptState.CANCELLED])
def test_a_late_word_changes_nothing_but_the_slot(end: AttemptState) -> None:
    work, ended = Work(state=WorkState.WAITING, attempts=1), Attempt(number=1, state=end)
    for ending in (machine.complete(work, ended), machine.fail(work, ended, Failure(failure=INFRA))):
        assert ending.work == work
        assert ending.attempt == replace(ended, holds_slot=False)


@pytest.mark.parametrize(
    ("failure", "tries"),
    [(BAD, 1), (FailureClass.UNSUPPORTED, 1), (FailureClass.LIMIT, 1), (TIMEOUT, 1), (TOOL, 2), (INFRA, 6)],
)
def test_how_often_each_class_is_tried(failure: FailureClass, tries: int) -> None:
    work = Work(state=WorkState.WAITING)
    for n in range(1, tries + 1):
        work, attempt = machine.admit(work)
        ending = machine.fail(work, attempt, Failure(failure=failure))
        work = ending.work
        assert (ending.retry_in_s is None) == (n == tries)
    assert (work.state, work.attempts) == (WorkState.FAILED, tries)


def test_a_source_deleted_under_the_run_is_not_counted() -> None:
    ending = machine.fail(OUT, SENT, Failure(failure=INFRA, source_was_deleted=True))
    assert (ending.work.state, ending.work.counts, ending.retry_in_s) == (WorkState.WAITING, Counts(), 0.0)


def test_a_failed_work_takes_a_new_task_with_fresh_bounds() -> None:
    failed = Work(state=WorkState.FAILED, attempts=6, counts=Counts(infra=6))
    assert machine.attach(failed) == Work(state=WorkState.WAITING, attempts=6)
    done = Work(state=WorkState.DONE, attempts=1, result_attempt=1)
    assert machine.attach(done) is done


@pytest.mark.parametrize(("state", "held"), [(AttemptState.ADMITTED, False), (AttemptState.SENT, True), (AttemptState.RUNNING, True)])
def test_a_cancelled_attempt_that_was_sent_keeps_its_slot_until_answered(state: AttemptState, held: bool) -> None:
    work, attempt = machine.abandon(OUT, replace(SENT, state=state))
    assert attempt is not None
    assert (work.state, attempt.state, attempt.holds_slot) == (WorkState.CANCELLED, AttemptState.CANCELLED, held)
    assert machine.claim(attempt, "r")[0].holds_slot is False


def test_backoff_doubles_to_a_minute() -> None:
    assert [backoff_s(INFRA, Counts(infra=n)) for n in (1, 2, 3, 7, 9)] == [1, 2, 4, 60, 60]  # 2**6 = 64, capped
    assert backoff_s(TOOL, Counts(tool=1)) == 0
    assert not allows_another(TOOL, Counts(tool=2))


Q, R, D, F, C = TaskState.QUEUED, TaskState.RUNNING, TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED


@pytest.mark.parametrize(
    ("tasks", "started", "expected"),
    [
        ([Q], False, Q),
        ([Q], True, R),
        ([Q, R], True, R),
        ([Q, D], True, R),
        ([D, D], True, D),
        ([D, F], True, F),
        ([F, Q], True, R),
        ([D, C], True, C),
        ([F, C], True, C),  # it was cancelled, whatever had failed before
    ],
)
def test_job_state(tasks: list[TaskState], started: bool, expected: TaskState) -> None:
    assert job_state(tasks, started=started) is expected


AWAITING = Row(media_id="1", state=MediaState.AWAITING_UPLOAD)
ACCEPTED = Row(media_id="1", state=MediaState.ACCEPTED, etag="a")
UPLOADED = Row(media_id="1", state=MediaState.UPLOADED, etag="a")
OTHER = Row(media_id="2", state=MediaState.UPLOADED, etag="b")


@pytest.mark.parametrize(
    ("own", "rows", "etag", "expected"),
    [
        (True, [AWAITING], "a", Arrival(action=Action.TAKE, media_id="1")),
        (True, [UPLOADED], "a", Arrival(action=Action.NOTHING, media_id="1")),  # the notification after our own put
        (True, [UPLOADED], "b", Arrival(action=Action.TAKE, media_id="1")),  # overwritten before acceptance: stays
        (True, [ACCEPTED], "b", Arrival(action=Action.ADOPT, replaced=("1",))),
        (True, [], "a", Arrival(action=Action.REMOVE)),
        (True, [replace(AWAITING, state=MediaState.FAILED, dead=True)], "a", Arrival(action=Action.REMOVE)),  # expired
        (True, [replace(ACCEPTED, dead=True, object_awaits_removal=True)], "a", Arrival(action=Action.NOTHING, media_id="1")),  # tombstone
        (False, [], "a", Arrival(action=Action.ADOPT)),
        (False, [ACCEPTED], "a", Arrival(action=Action.NOTHING, media_id="1")),
        (False, [ACCEPTED], "b", Arrival(action=Action.ADOPT, replaced=("1",))),
        (False, [replace(ACCEPTED, gone=True, object_awaits_removal=True)], "a", Arrival(action=Action.NOTHING, media_id="1")),  # retired
        (False, [replace(ACCEPTED, gone=True), OTHER], "a", Arrival(action=Action.WAKE, media_id="1", replaced=("2",))),
        (False, [replace(ACCEPTED, dead=True)], "a", Arrival(action=Action.ADOPT)),  # deleted, its object was removed, then put again
    ],
)  # fmt: skip
def test_arrivals(own: bool, rows: list[Row], etag: str, expected: Arrival) -> None:
    assert arrive(own=own, rows=rows, etag=etag) == expected


def test_tokens() -> None:
    token = attempt_token(b"key", "w.1")
    assert is_valid(b"key", "w.1", token)
    assert not is_valid(b"key", "w.2", token)
    assert not is_valid(b"other", "w.1", token)
    assert not is_valid(b"key", "w.1", None)
