"""Retry and redrive: failed tasks again as new attempts, and dead letters that turn out well after all."""

from typing import Any

import pytest

from schemas import events

from .conftest import House
from .test_cancel import accepted, cancel, thumbnails
from .test_path import UPLOAD, job_of, notification


def retry(house: House, job: dict[str, Any], status: int = 202, **body: str) -> dict[str, Any]:
    return house.post(f"/jobs/{job['job_id']}/retry", body, status)


def letters(house: House) -> list[dict[str, Any]]:
    return list(house.get("/dead-letters")["dead_letters"])


def redrive(house: House, letter: dict[str, Any], status: int = 202) -> dict[str, Any]:
    return house.post(f"/dead-letters/{letter['id']}/redrive", {}, status)


def fail_all(house: House, failure: str) -> int:
    """Whatever goes out fails. Returns how many attempts that took."""
    count = 0
    while batch := house.relay():
        for request in batch:
            house.beat(request)
            house.fail(request, failure)
        count += len(batch)
    return count


def undeliverable(house: House) -> int:
    """Whatever goes out is dead-lettered as Knative does it: the request itself. Backoff is skipped."""
    count = 0
    while batch := house.relay():
        for request in batch:
            path = "/internal/dead-letters"
            assert (
                house.event(events.REQUESTED, request.attempt_id, {}, path=path, operation=request.operation, knativeerrorcode="503") == 204
            )
        count += len(batch)
        for letter in letters(house):
            if letter["redriven_at"] is None and count < 6:
                redrive(house, letter)
    return count


# --- retry -------------------------------------------------------------------------------------------------------------------------------


def test_failed_tasks_are_tried_again_with_fresh_bounds(house: House) -> None:
    job = thumbnails(house, accepted(house), 16, 17)
    assert fail_all(house, "tool") == 4  # each twice
    again = retry(house, job)
    assert [(task["state"], task["error"]) for task in again["tasks"]] == [("queued", None), ("queued", None)]
    assert fail_all(house, "tool") == 4
    retry(house, job)
    assert {request.attempt for request in house.settle()} == {5}
    after = house.get(f"/jobs/{job['job_id']}")
    assert (after["state"], [len(task["attempts"]) for task in after["tasks"]]) == ("done", [5, 5])
    assert [attempt["class"] for attempt in after["tasks"][0]["attempts"]] == ["tool"] * 4 + [None]


def test_one_task_alone(house: House) -> None:
    job = thumbnails(house, accepted(house), 16, 17)
    fail_all(house, "bad-input")
    chosen = house.get(f"/jobs/{job['job_id']}")["tasks"][1]
    retry(house, job, task_id=chosen["task_id"])
    assert [request.parameters["longest_edge_px"] for request in house.settle()] == [17]
    assert [task["state"] for task in house.get(f"/jobs/{job['job_id']}")["tasks"]] == ["failed", "done"]
    assert "has not failed" in retry(house, job, 409, task_id=chosen["task_id"])["detail"]
    retry(house, job, 404, task_id="0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa")


def test_without_a_body_all_of_them(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    fail_all(house, "timeout")
    assert house.public.post(f"/jobs/{job['job_id']}/retry").status_code == 202
    assert len(house.settle()) == 1


def test_where_none_failed(house: House) -> None:
    media = accepted(house)
    for job in (thumbnails(house, media, 16), thumbnails(house, media, 17)):
        assert "No task" in retry(house, job, 409)["detail"]
        cancel(house, job)
        retry(house, job, 409)


def test_two_jobs_of_one_failed_work_each_retry_their_own_task(house: House) -> None:
    media = accepted(house)
    first, second = thumbnails(house, media, 16), thumbnails(house, media, 16)
    fail_all(house, "bad-input")
    retry(house, first)
    assert [request.attempt for request in house.settle()] == [2]
    assert [house.get(f"/jobs/{job['job_id']}")["state"] for job in (first, second)] == ["done", "failed"]
    assert retry(house, second)["state"] == "done"  # the work is done by now
    assert house.relay() == []


@pytest.mark.parametrize(("failure", "status"), [("bad-input", 409), ("timeout", 202)])
def test_tasks_that_failed_with_their_media(house: House, failure: str, status: int) -> None:
    """A verdict on the bytes stands; a probe that failed otherwise is tried again, and the tasks wait for it."""
    media = house.upload()
    fail_all(house, failure)
    job = job_of(house, media["media_id"])
    assert (job["state"], job["tasks"][0]["error"]["class"]) == ("failed", failure)
    retry(house, job, status)
    if status == 202:
        assert house.get(f"/media/{media['media_id']}")["state"] == "uploaded"
        assert [(request.operation, request.attempt) for request in house.settle()] == [("probe", 2), ("thumbnail", 1)]
        assert job_of(house, media["media_id"])["state"] == "done"


def test_a_media_that_failed_and_whose_object_is_gone(house: House) -> None:
    media = house.upload()
    fail_all(house, "timeout")
    house.store.delete("media", media["object_key"])
    assert "failed" in retry(house, job_of(house, media["media_id"]), 409)["detail"]


# --- dead letters ------------------------------------------------------------------------------------------------------------------------


def test_a_redrive_is_a_new_attempt_with_a_new_id(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    assert undeliverable(house) == 6  # five tries after the first
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "failed"
    last = letters(house)[0]
    task = house.get(f"/jobs/{job['job_id']}")["tasks"][0]
    assert (last["job_id"], last["task_id"], last["operation"]) == (job["job_id"], task["task_id"], "thumbnail")
    assert (last["class"], last["code"], last["redriven_at"], last["event_type"]) == ("infra", 503, None, events.REQUESTED)
    assert redrive(house, last)["redriven_at"] is not None
    assert [request.attempt for request in house.settle()] == [7]
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "done"
    assert "done" in redrive(house, last, 409)["detail"]
    assert house.get("/stats")["dead_letters"] == 0


def test_a_redrive_of_a_probe_brings_back_what_failed_with_it(house: House) -> None:
    media = house.upload()
    undeliverable(house)
    assert job_of(house, media["media_id"])["state"] == "failed"
    redrive(house, letters(house)[0])
    house.settle()
    assert (house.get(f"/media/{media['media_id']}")["state"], job_of(house, media["media_id"])["state"]) == ("accepted", "done")


def test_a_cancelled_one_is_not_redriven(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    (request,) = house.relay()
    house.event(events.REQUESTED, request.attempt_id, {}, path="/internal/dead-letters")
    cancel(house, job)
    assert "cancelled" in redrive(house, letters(house)[0], 409)["detail"]


def test_a_quarantined_notification_is_applied_again(house: House) -> None:
    stored = house.store.put("media", "good.jpg", [b"straight"], content_type="image/jpeg")
    house.event(UPLOAD, "1", {"s3": {"bucket": {}}}, subject="good.jpg")
    (letter,) = letters(house)
    assert (letter["job_id"], letter["class"], letter["code"]) == (None, None, None)
    assert "still" in redrive(house, letter, 409)["detail"]
    with house.gateway.database.transaction() as session:
        from gateway.store.tables import DeadLetterRow

        row = session.get_one(DeadLetterRow, letter["id"])
        row.event = {**row.event, "data": notification("good.jpg", stored.etag, 8)}  # as if the gateway had learnt to read it
    redrive(house, letter)
    assert [media["filename"] for media in house.get("/media")["media"]] == ["good.jpg"]


def test_a_forged_word_stays_forged(house: House) -> None:
    house.upload()
    (request,) = house.relay()
    house.event(events.COMPLETED, "forged", house.completed(request.model_copy(update={"token": "0" * 64})))
    assert "still" in redrive(house, letters(house)[0], 409)["detail"]
    assert house.get("/media")["media"][0]["state"] == "uploaded"


def test_pages_and_what_is_not_there(house: House) -> None:
    for n in range(3):
        house.event(UPLOAD, str(n), {"s3": {}})
    first = house.get("/dead-letters?limit=2")
    rest = house.get(f"/dead-letters?limit=2&cursor={first['next_cursor']}")
    assert (len(first["dead_letters"]), len(rest["dead_letters"]), rest["next_cursor"]) == (2, 1, None)
    redrive(house, {"id": "0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"}, 404)
