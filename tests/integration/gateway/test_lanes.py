"""The long lane in the ledger: what goes out on it, what does not, and what a timeout as a request becomes."""

from typing import Any

from gateway.bootstrap import Gateway
from gateway.store.tables import AttemptRow, OutboxRow
from schemas.facts import Kind
from schemas.payloads import Requested

from .conftest import House
from .test_cancel import cancel
from .test_path import job_of, reap, rewind_clock

HOUR_MS = 3_600_000  # 108,000 frames of 640 x 480 px at 26 ns a pixel, and a second: 864 s


def configured(house: House, **settings: Any) -> House:
    """The same house with other settings."""
    gateway = house.gateway
    changed = gateway.settings.model_copy(update=settings)
    return House(Gateway(settings=changed, database=gateway.database, objects=gateway.objects), house.store)


def transcoding(house: House, duration_ms: int, data: bytes = b"a video") -> dict[str, Any]:
    """The job of an accepted 640 x 480 video of that length."""
    media = house.upload(data, operations="transcode")
    [probe] = house.relay()
    facts = house.facts(probe, Kind.VIDEO).model_copy(update={"duration_ms": duration_ms})
    house.finish(probe, facts=facts, content_type="video/mp4")
    return job_of(house, media["media_id"])


def out(house: House) -> list[tuple[str, Requested]]:
    """(lane, request) of everything in the outbox, which stays there."""
    with house.gateway.database.transaction() as session:
        rows = session.query(OutboxRow).order_by(OutboxRow.id).all()
        return [(row.event["extensions"]["lane"], Requested.model_validate(row.event["data"])) for row in rows]


def test_what_is_predicted_too_long_for_a_request_goes_out_as_a_job(house: House) -> None:
    job = transcoding(house, HOUR_MS)
    [(lane, request)] = out(house)
    assert (lane, request.operation, request.deadline_s, job["state"]) == ("job", "transcode", 21_600, "queued")
    house.finish(house.relay()[0])
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "done"


def test_what_is_short_stays_a_request(house: House) -> None:
    transcoding(house, 60_000)
    [(lane, request)] = out(house)
    assert (lane, request.deadline_s) == ("request", 570)


def test_a_lower_limit_for_requests_sends_more_to_the_lane(house: House) -> None:
    transcoding(configured(house, request_limit_s=5), 60_000)  # 1,800 frames: 15 s
    assert [lane for lane, _ in out(house)] == ["job"]


def test_what_no_lane_takes_fails_as_limit_with_the_prediction(house: House) -> None:
    [task] = transcoding(house, 100 * HOUR_MS)["tasks"]
    assert out(house) == []
    assert (task["state"], task["error"]["class"]) == ("failed", "limit")
    assert task["error"]["message"] == "transcode is predicted to take 86,263 s here; at most 21,600 s are allowed."


def test_without_the_lane_what_is_long_fails_as_limit(house: House) -> None:
    [task] = transcoding(configured(house, job_slots={}), HOUR_MS)["tasks"]
    assert task["error"] == {"class": "limit", "message": "transcode is predicted to take 864 s here; at most 570 s are allowed."}


def test_what_timed_out_as_a_request_is_tried_as_a_job_and_then_never_again(house: House) -> None:
    job = transcoding(house, 60_000)
    for lane, deadline_s in (("request", 570), ("job", 21_600)):
        [(went_out_on, request)] = out(house)
        assert (went_out_on, request.deadline_s) == (lane, deadline_s)
        house.relay()
        house.beat(request)
        house.fail(request, "timeout")
    assert out(house) == []
    [task] = house.get(f"/jobs/{job['job_id']}")["tasks"]
    assert (task["error"]["class"], [one["class"] for one in task["attempts"]]) == ("timeout", ["timeout", "timeout"])


def test_each_lane_has_slots_of_its_own(house: House) -> None:
    one = configured(house, job_slots={"transcode": 1}, slots={"probe": 1, "transcode": 1})
    for data in (b"first", b"second"):
        transcoding(one, HOUR_MS, data)
        one.relay()
    transcoding(one, 60_000, b"a short one")
    one.relay()
    with one.gateway.database.transaction() as session:
        held = [row.lane for row in session.query(AttemptRow).filter_by(operation="transcode", holds_slot=True)]
    assert sorted(held) == ["job", "request"]


def test_a_job_has_longer_to_start_than_a_request(house: House) -> None:
    patient = configured(house, start_timeout_s=60, job_start_timeout_s=7200)
    job = transcoding(patient, HOUR_MS)
    patient.relay()
    rewind_clock(patient)  # an hour
    assert reap(patient) == 0
    assert reap(configured(house, start_timeout_s=60, job_start_timeout_s=60)) == 1
    [task] = house.get(f"/jobs/{job['job_id']}")["tasks"]
    assert [attempt["class"] for attempt in task["attempts"]] == ["infra"]


def test_what_waits_for_a_lane_that_is_taken_away_fails_and_does_not_wait_for_ever(house: House) -> None:
    open_house, closed = configured(house, job_slots={"transcode": 1}), configured(house, job_slots={})
    transcoding(open_house, HOUR_MS, b"first")
    [first] = open_house.relay()
    second = transcoding(open_house, HOUR_MS, b"second")
    assert second["state"] == "queued"
    closed.finish(first)  # what was out counts as ever
    [task] = closed.get(f"/jobs/{second['job_id']}")["tasks"]
    assert (task["state"], task["error"]["class"]) == ("failed", "limit")


def test_a_job_tells_how_far_it_is_and_hears_a_cancel(house: House) -> None:
    job = transcoding(house, HOUR_MS)
    [request] = house.relay()
    assert house.beat(request, progress=0.25) == "go"
    assert house.get(f"/jobs/{job['job_id']}")["tasks"][0]["progress"] == 0.25
    cancel(house, job)
    assert house.beat(request) == "stop"
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "cancelled"
