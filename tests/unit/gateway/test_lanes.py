"""Which lane a work takes by its prediction, and what a timeout on one means. Tables."""

from dataclasses import replace

import pytest

from gateway.domain import work as machine
from gateway.domain.lanes import lane_for, too_long
from gateway.domain.states import AttemptState, WorkState
from gateway.domain.work import Attempt, Failure, Work
from schemas.catalogue import CATALOGUE
from schemas.errors import FailureClass
from schemas.events import Lane

TRANSCODE, THUMBNAIL = CATALOGUE["transcode"], CATALOGUE["thumbnail"]  # deadlines 570 s and, as a job, 21,600 s; 60 s


@pytest.mark.parametrize(
    ("predicted_s", "request_limit_s", "job_lane", "lane"),
    [
        (570, 570, True, Lane.REQUEST),
        (571, 570, True, Lane.JOB),
        (21_600, 570, True, Lane.JOB),
        (21_601, 570, True, None),
        (571, 570, False, None),
        (6, 5, True, Lane.JOB),
        (6, 5, False, Lane.REQUEST),  # no other lane: as long as a request may be
    ],
)
def test_a_prediction_has_its_lane(predicted_s: float, request_limit_s: float, job_lane: bool, lane: Lane | None) -> None:
    assert lane_for(TRANSCODE, predicted_s, request_limit_s=request_limit_s, job_lane=job_lane) is lane


def test_an_operation_without_the_lane_ends_at_its_own_deadline() -> None:
    assert lane_for(THUMBNAIL, 60, request_limit_s=570, job_lane=False) is Lane.REQUEST
    assert lane_for(THUMBNAIL, 61, request_limit_s=570, job_lane=True) is None
    assert too_long(THUMBNAIL, 61, job_lane=True) == "thumbnail is predicted to take 61 s here; at most 60 s are allowed."


def test_the_sentence_names_the_longest_that_there_is() -> None:
    assert too_long(TRANSCODE, 30_000, job_lane=True) == "transcode is predicted to take 30,000 s here; at most 21,600 s are allowed."
    assert too_long(TRANSCODE, 600.4, job_lane=False) == "transcode is predicted to take 600 s here; at most 570 s are allowed."


@pytest.mark.parametrize(
    ("failure", "lane", "job_lane", "state", "next_lane"),
    [
        (FailureClass.TIMEOUT, Lane.REQUEST, True, WorkState.WAITING, Lane.JOB),
        (FailureClass.TIMEOUT, Lane.REQUEST, False, WorkState.FAILED, Lane.REQUEST),
        (FailureClass.TIMEOUT, Lane.JOB, True, WorkState.FAILED, Lane.JOB),
        (FailureClass.INFRA, Lane.JOB, True, WorkState.WAITING, Lane.JOB),
        (FailureClass.LIMIT, Lane.REQUEST, True, WorkState.FAILED, Lane.REQUEST),
    ],
)
def test_a_timeout_is_never_tried_again_on_the_same_lane(
    failure: FailureClass, lane: Lane, job_lane: bool, state: WorkState, next_lane: Lane
) -> None:
    work, attempt = machine.admit(Work(state=WorkState.WAITING, lane=lane))
    ending = machine.fail(work, attempt, Failure(failure=failure), job_lane=job_lane)
    assert (ending.work.state, ending.work.lane) == (state, next_lane)
    assert ending.attempt.state is AttemptState.FAILED


def test_a_late_timeout_moves_nothing() -> None:
    work, ended = Work(state=WorkState.WAITING, attempts=1), Attempt(number=1, state=AttemptState.LOST)
    assert machine.fail(work, ended, Failure(failure=FailureClass.TIMEOUT), job_lane=True).work == work


def test_a_revived_work_that_was_a_job_stays_one_while_there_is_the_lane() -> None:
    failed = Work(state=WorkState.FAILED, attempts=2, lane=Lane.JOB)
    assert machine.attach(failed, Lane.REQUEST, job_lane=True).lane is Lane.JOB
    assert machine.attach(failed, Lane.REQUEST).lane is Lane.REQUEST
    assert machine.attach(replace(failed, lane=Lane.REQUEST), Lane.JOB, job_lane=True).lane is Lane.JOB
    waiting = replace(failed, state=WorkState.WAITING)
    assert machine.attach(waiting, Lane.REQUEST) is waiting
