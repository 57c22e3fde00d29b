"""One upload's way through the ledger, and what may go wrong on it. Real PostgreSQL, real routes; a hand plays the functions."""

import time
from typing import Any

import pytest
from sqlalchemy import text

from gateway.service import reaper
from gateway.service.reconciler import reconcile
from schemas import envelope, events, keys
from schemas.facts import Kind
from schemas.payloads import Completed

from .conftest import House

UPLOAD = "com.amazonaws.s3.ObjectCreated:Put"


def job_of(house: House, media_id: str) -> dict[str, Any]:
    jobs = house.get(f"/jobs?media_id={media_id}")["jobs"]
    assert len(jobs) == 1
    return jobs[0]


def notification(key: str, etag: str, size: int = 7) -> dict[str, Any]:
    return {"s3": {"bucket": {"name": "media"}, "object": {"key": key, "eTag": etag, "size": size}}}


def rewind_clock(house: House) -> None:
    """As if everything so far had happened an hour ago, with the listener up all the while."""
    with house.gateway.database.transaction() as session:
        session.execute(text("update attempt set sent_at = sent_at - interval '1 hour', heartbeat_at = heartbeat_at - interval '1 hour'"))
        session.execute(
            text("insert into liveness values (:p, now() - interval '2 hours', now()) on conflict do nothing"), {"p": reaper.LISTENER}
        )


def reap(house: House) -> int:
    return reaper.reap(house.gateway.database, house.store, house.gateway.settings)


def test_upload_to_artifact(house: House) -> None:
    media = house.upload()
    assert (media["state"], media["object_key"]) == ("uploaded", f"media/{media['media_id']}.jpg")
    assert job_of(house, media["media_id"])["state"] == "queued"
    assert [request.operation for request in house.settle()] == ["probe", "thumbnail"]
    after = house.get(f"/media/{media['media_id']}")
    assert (after["state"], after["facts"]["width_px"], after["sha256"]) == ("accepted", 640, media["sha256"])
    job = job_of(house, media["media_id"])
    task = job["tasks"][0]
    assert (job["state"], task["state"], task["attempt"], len(task["attempts"])) == ("done", "done", 1, 1)
    (listed,) = house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]
    assert task["artifacts"][0]["artifact_id"] == listed["artifact_id"]
    assert (task["artifacts"][0]["width_px"], task["artifacts"][0]["parameters"]) == (320, {"longest_edge_px": 320, "format": "webp"})


def test_the_same_upload_twice_is_made_once(house: House) -> None:
    first, second = house.upload(), house.upload()
    asked = house.settle()
    assert [request.operation for request in asked].count("thumbnail") == 1
    assert {job_of(house, media["media_id"])["state"] for media in (first, second)} == {"done"}
    assert house.post("/jobs", {"media_id": second["media_id"], "operations": ["thumbnail"]})["state"] == "done"


def test_every_event_ten_times_changes_nothing_more(house: House) -> None:
    media = house.upload()
    for _ in range(2):
        for request in house.relay():
            assert house.beat(request) == "go"
            data = house.completed(request)
            for n in range(10):
                assert house.event(events.COMPLETED, f"{request.attempt_id}.completed{n % 2}", data) == 204
            assert house.event(UPLOAD, "n", notification(media["object_key"], request.source.etag), subject=media["object_key"]) == 204
    assert job_of(house, media["media_id"])["state"] == "done"
    assert len(house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]) == 1
    assert house.relay() == []


def test_a_claim_is_one_runs_and_progress_shows(house: House) -> None:
    media = house.upload()
    house.finish(house.relay()[0])
    (request,) = house.relay()
    assert house.beat(request, "one") == "go"
    assert house.beat(request, "two") == "wait"
    assert house.beat(request, "one", progress=0.5) == "go"
    task = job_of(house, media["media_id"])["tasks"][0]
    assert (task["state"], task["progress"]) == ("running", 0.5)
    house.event(events.COMPLETED, "c", house.completed(request))
    assert house.beat(request, "two") == "stop"


def test_a_forged_token_is_quarantined(house: House) -> None:
    house.upload()
    (request,) = house.relay()
    forged = request.model_copy(update={"token": "0" * 64})
    answer = house.internal.post("/internal/heartbeats", json={"attempt_id": request.attempt_id, "run_id": "x", "token": "0" * 64})
    assert answer.status_code == 403
    assert house.event(events.COMPLETED, "forged", house.completed(forged)) == 204
    assert house.get("/stats")["dead_letters"] == 1
    assert house.get("/media")["media"][0]["state"] == "uploaded"


@pytest.mark.parametrize(
    ("failure", "state"), [("bad-input", "rejected"), ("unsupported", "rejected"), ("limit", "rejected"), ("timeout", "failed")]
)
def test_probes_verdict_ends_media_and_tasks(house: House, failure: str, state: str) -> None:
    media = house.upload()
    house.fail(house.relay()[0], failure)
    assert house.get(f"/media/{media['media_id']}")["error"] == {"class": failure, "message": "It did not work."}
    assert house.get(f"/media/{media['media_id']}")["state"] == state
    job = job_of(house, media["media_id"])
    assert (job["state"], job["tasks"][0]["error"]["class"]) == ("failed", failure)
    if state == "rejected":
        assert "rejected" in house.post("/jobs", {"media_id": media["media_id"], "operations": ["thumbnail"]}, 422)["detail"]


@pytest.mark.parametrize(("failure", "tries"), [("bad-input", 1), ("tool", 2)])
def test_the_gateway_owns_retries(house: House, failure: str, tries: int) -> None:
    media = house.upload()
    house.finish(house.relay()[0])
    for n in range(1, tries + 1):
        (request,) = house.relay()
        assert (request.attempt, request.attempt_id) == (n, f"{request.work_id}.{n}")
        house.beat(request)
        house.fail(request, failure, log_tail="the tool's last line")
    assert house.relay() == []
    task = job_of(house, media["media_id"])["tasks"][0]
    assert (task["state"], len(task["attempts"]), task["attempts"][0]["log_tail"]) == ("failed", tries, "the tool's last line")


def test_slots_bound_what_is_out_and_interactive_goes_first(house: House) -> None:
    media = [house.upload(f"picture {n}".encode(), operations="none") for n in range(6)]
    while batch := house.relay():
        for request in batch:
            house.finish(request)
    for one in media[:5]:
        house.post("/jobs", {"media_id": one["media_id"], "operations": ["thumbnail"], "priority": "bulk"})
    house.post("/jobs", {"media_id": media[5]["media_id"], "operations": ["thumbnail"]})
    first = house.relay()
    assert [request.source.key for request in first] == [one["object_key"] for one in media[:2]]  # two slots, oldest first
    house.finish(first[0])
    (second,) = house.relay()
    assert second.source.key == media[5]["object_key"]  # the interactive one overtakes three that wait


def test_silent_run_is_reaped_and_the_next_attempt_begins(house: House) -> None:
    media = house.upload()
    house.finish(house.relay()[0])
    (request,) = house.relay()
    house.beat(request)
    rewind_clock(house)
    assert reap(house) == 1
    task = job_of(house, media["media_id"])["tasks"][0]
    assert (task["attempts"][0]["class"], task["state"]) == ("infra", "running")
    assert house.beat(request) == "stop"
    house.event(events.COMPLETED, "late", house.completed(request))  # a zombie's late word
    assert job_of(house, media["media_id"])["tasks"][0]["artifacts"] == []


def test_the_reaper_looks_before_it_ends(house: House) -> None:
    media = house.upload()
    house.finish(house.relay()[0])
    (request,) = house.relay()
    house.beat(request)
    result = Completed.model_validate(house.completed(request))
    house.store.put(
        keys.OUTPUTS_BUCKET, keys.result_key(request.output_prefix), [result.model_dump_json().encode()], content_type="application/json"
    )
    rewind_clock(house)
    assert reap(house) == 1
    assert job_of(house, media["media_id"])["state"] == "done"


def test_the_reaper_judges_nobody_while_the_listener_was_away(house: House) -> None:
    house.upload()
    (request,) = house.relay()
    house.beat(request)
    rewind_clock(house)
    with house.gateway.database.transaction() as session:
        session.execute(text("update liveness set since = now()"))
    assert reap(house) == 0
    time.sleep(0.3)  # a lease is 0.2 s here
    with house.gateway.database.transaction() as session:
        reaper.listener_beats(session)
    assert reap(house) == 1


@pytest.mark.parametrize("body", [b'{"attempt_id": ', b"[1]", b"\xff\x00", b""])
@pytest.mark.parametrize("kind", [events.REQUESTED, events.COMPLETED, "com.amazonaws.s3.ObjectCreated:Put", "com.example.other"])
def test_a_dead_letter_that_nobody_can_read_is_kept(house: House, kind: str, body: bytes) -> None:
    """Refused here it would be gone: a broker tries its dead-letter sink no further than a 400."""
    headers, _ = envelope.to_binary(envelope.Event(id="poison", source="/test", type=kind, data={}, extensions={"knativeerrorcode": "400"}))
    assert house.internal.post("/internal/dead-letters", headers=headers, data=body).status_code == 204
    [letter] = house.get("/dead-letters")["dead_letters"]
    assert (letter["event_type"], letter["redriven_at"]) == (kind, None)
    house.post(f"/dead-letters/{letter['id']}/redrive", {}, 409)
    assert house.internal.post("/internal/dead-letters", data=body).status_code == 400  # no event at all


def test_dead_request_is_infra_only_if_nobody_claimed_it(house: House) -> None:
    media = house.upload()
    (request,) = house.relay()
    data = request.model_dump(mode="json")
    house.beat(request)
    assert house.event(events.REQUESTED, request.attempt_id, data, path="/internal/dead-letters", knativeerrorcode="503") == 204
    assert house.beat(request) == "go"  # claimed: left to the reaper
    house.event(events.COMPLETED, "c", house.completed(request))
    (thumbnail,) = house.relay()
    assert house.event(events.REQUESTED, thumbnail.attempt_id, {}, path="/internal/dead-letters", knativeerrorcode="503") == 204
    attempt = job_of(house, media["media_id"])["tasks"][0]["attempts"][0]
    assert (attempt["class"], house.get("/stats")["dead_letters"]) == ("infra", 1)
    assert house.beat(thumbnail) == "stop"


def test_a_dead_lettered_request_whose_result_is_there_is_done(house: House) -> None:
    media = house.upload()
    house.finish(house.relay()[0])
    (request,) = house.relay()
    house.beat(request)
    result = Completed.model_validate(house.completed(request))
    house.store.put(
        keys.OUTPUTS_BUCKET, keys.result_key(request.output_prefix), [result.model_dump_json().encode()], content_type="application/json"
    )
    house.event(events.REQUESTED, request.attempt_id, {}, path="/internal/dead-letters")
    assert job_of(house, media["media_id"])["state"] == "done"


def test_an_object_straight_in_the_bucket(house: House) -> None:
    stored = house.store.put(keys.MEDIA_BUCKET, "holiday/beach 1.jpg", [b"straight"], content_type="image/jpeg")
    assert house.event(UPLOAD, "1", notification("holiday/beach 1.jpg", stored.etag), subject="holiday/beach 1.jpg") == 204
    (media,) = house.get("/media")["media"]
    assert (media["filename"], media["state"]) == ("beach 1.jpg", "uploaded")
    house.settle()
    assert job_of(house, media["media_id"])["state"] == "done"


def test_a_lost_notification_is_found_by_the_reconciler(house: House) -> None:
    house.store.put(keys.MEDIA_BUCKET, "lost.jpg", [b"lost"], content_type="image/jpeg")
    grant = house.post("/uploads", {"filename": "b.png", "content_type": "image/png", "bytes": 5}, 201)
    house.store.put(keys.MEDIA_BUCKET, grant["object_key"], [b"grant"], content_type="image/png")
    stray = "media/0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa.jpg"
    house.store.put(keys.MEDIA_BUCKET, stray, [b"stray"], content_type="image/jpeg")
    report = reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert report.found == {"objects taken in": 2, "objects of no living media": 1, "objects removed": 1}
    assert house.store.head(keys.MEDIA_BUCKET, stray) is None
    house.settle()
    assert {media["state"] for media in house.get("/media")["media"]} == {"accepted"}
    assert house.get(f"/media/{grant['media_id']}")["state"] == "accepted"
    assert not reconcile(house.gateway.database, house.store, house.gateway.settings).found


def test_outputs_that_nobody_names_are_swept(house: House) -> None:
    media = house.upload()
    house.finish(house.relay()[0])
    (first,) = house.relay()
    house.beat(first)
    house.artifact(first)
    house.fail(first, "tool")
    (second,) = house.relay()
    house.finish(second)
    report = reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert report.found["outputs swept"] == 1
    (artifact,) = house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]
    assert [info.key for info in house.store.list(keys.OUTPUTS_BUCKET)] == [artifact["object_key"]]


def test_an_overwritten_original_is_a_new_media_and_the_old_answers_410(house: House) -> None:
    for n, data in enumerate([b"A", b"B"]):
        stored = house.store.put(keys.MEDIA_BUCKET, "x.jpg", [data], content_type="image/jpeg")
        house.event(UPLOAD, str(n), notification("x.jpg", stored.etag, 1), subject="x.jpg")
        house.settle()
    new, old = house.get("/media")["media"]
    assert house.public.get(f"/media/{old['media_id']}/original").status_code == 410
    assert house.public.get(f"/media/{new['media_id']}/original").status_code == 302
    assert len(house.get(f"/media/{old['media_id']}/artifacts")["artifacts"]) == 1


def test_work_that_cannot_fit_is_refused_or_fails_with_a_sentence(house: House) -> None:
    media = house.upload()
    job = house.post("/jobs", {"media_id": media["media_id"], "operations": ["transcode_480p"]})
    house.settle()
    task = house.get(f"/jobs/{job['job_id']}")["tasks"][0]
    assert (task["state"], task["error"]["class"]) == ("failed", "unsupported")
    assert "transcode takes video" in house.post("/jobs", {"media_id": media["media_id"], "operations": ["transcode_480p"]}, 422)["detail"]


def test_work_predicted_past_every_limit_fails_at_once(house: House) -> None:
    media = house.upload(operations="none")
    (probe,) = house.relay()
    facts = house.facts(probe, Kind.VIDEO).model_copy(
        update={"duration_ms": 36_000_000, "frames": None, "width_px": 3840, "height_px": 2160}
    )
    house.finish(probe, facts=facts)
    task = house.post("/jobs", {"media_id": media["media_id"], "operations": ["transcode_1080p"]})["tasks"][0]
    assert (task["state"], task["error"]["class"]) == ("failed", "limit")
    assert "at most 21,600 s" in task["error"]["message"]
