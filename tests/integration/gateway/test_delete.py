"""Deleting a media: by reference, under a running task, for good."""

import base64
import struct

import pytest
from sqlalchemy import func, select, text

from gateway.service.reconciler import reconcile, remove_doomed
from gateway.store.tables import ArtifactRow, WorkRow
from schemas import keys
from schemas.payloads import Vector

from .conftest import House
from .test_cancel import accepted, counted, slots_held, thumbnails
from .test_path import UPLOAD, job_of, notification


def remove(house: House, media_id: str, status: int = 204) -> None:
    answer = house.public.delete(f"/media/{media_id}")
    assert answer.status_code == status, answer.text


def objects(house: House) -> list[str]:
    """What both buckets hold once everything that is to go is gone."""
    remove_doomed(house.gateway.database, house.store)
    return [info.key for bucket in (keys.MEDIA_BUCKET, keys.OUTPUTS_BUCKET) for info in house.store.list(bucket)]


def works(house: House) -> int:
    return counted(house, select(func.count()).select_from(WorkRow))


def test_a_media_and_all_that_it_alone_needed(house: House) -> None:
    media = house.upload(operations="thumbnail,embed")
    for request in house.relay():
        house.finish(request)
    for request in house.relay():
        vector = Vector(model="descriptor-v1", dimensions=2, base64=base64.b64encode(struct.pack("<2f", 0.6, 0.8)).decode())
        house.finish(request, **({"vector": vector} if request.operation == "embed" else {}))
    media_id = media["media_id"]
    job = job_of(house, media_id)
    assert (job["state"], works(house), len(objects(house))) == ("done", 3, 3)
    assert counted(house, text("select count(*) from vector_descriptor_v1")) == 1
    remove(house, media_id)
    remove(house, media_id)  # again, and it is as well
    for path in ("", "/artifacts", "/original", "/similar"):
        house.get(f"/media/{media_id}{path}", 404)
    house.post(f"/media/{media_id}/probe", {}, 404)
    house.get(f"/jobs/{job['job_id']}", 410)
    house.post(f"/jobs/{job['job_id']}/retry", {}, 410)
    house.post("/jobs", {"media_id": media_id, "operations": ["thumbnail"]}, 410)
    assert house.public.delete(f"/jobs/{job['job_id']}").status_code == 410
    assert (house.get("/media")["media"], house.get("/jobs")["jobs"]) == ([], [])
    assert (works(house), objects(house), counted(house, select(func.count()).select_from(ArtifactRow))) == (0, [], 0)
    assert counted(house, text("select count(*) from vector_descriptor_v1")) == 0
    remove(house, "0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa", 404)


def test_what_another_media_of_the_same_bytes_needs_stays(house: House) -> None:
    first, second = house.upload(), house.upload()
    house.settle()
    shown = house.get(f"/media/{second['media_id']}/artifacts")["artifacts"][0]["object_key"]
    remove(house, first["media_id"])
    assert house.get(f"/media/{second['media_id']}/artifacts")["artifacts"][0]["object_key"] == shown
    assert objects(house) == [second["object_key"], shown]
    remove(house, second["media_id"])
    assert objects(house) == []


def test_under_a_running_task(house: House) -> None:
    """It is told to stop and keeps its slot till then; what it writes yet is nobody's, and its late word frees the slot alone."""
    media = accepted(house)
    thumbnails(house, media, 16, 17)
    first, second = house.relay()
    assert house.beat(first) == house.beat(second) == "go"
    remove(house, media)
    assert (slots_held(house), works(house)) == (2, 0)
    assert house.beat(first) == "stop"
    assert slots_held(house) == 1
    assert house.event("dev.darkroom.operation.completed", "late", house.completed(second)) == 204
    assert slots_held(house) == 0
    reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert objects(house) == []


def test_before_anything_was_sent(house: House) -> None:
    media = accepted(house)
    thumbnails(house, media, 16, 17, 18)
    remove(house, media)
    assert (house.relay(), slots_held(house)) == ([], 0)


def test_while_it_is_probed(house: House) -> None:
    media = house.upload()
    (probe,) = house.relay()
    assert house.beat(probe) == "go"
    late = house.completed(probe)
    remove(house, media["media_id"])
    assert house.beat(probe) == "stop"
    house.event("dev.darkroom.operation.completed", "late", late)
    assert (house.relay(), objects(house), slots_held(house)) == ([], [], 0)


def test_the_next_upload_of_the_same_bytes_begins_anew(house: House) -> None:
    first = accepted(house)
    thumbnails(house, first, 16)
    (request,) = house.relay()
    house.beat(request)
    remove(house, first)
    second = accepted(house)
    job = thumbnails(house, second, 16)
    (again,) = house.relay()
    assert (again.work_id != request.work_id, again.attempt) == (True, 1)
    house.event("dev.darkroom.operation.completed", "late", house.completed(request))  # of the work that is gone
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "queued"
    house.finish(again)
    reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert [key.split("/")[4] for key in objects(house) if not key.startswith("media/")] == [again.work_id]


def test_an_attempt_whose_source_is_deleted_is_not_counted_and_the_next_reads_the_other(house: House) -> None:
    first, second = accepted(house), accepted(house)
    thumbnails(house, first, 16)
    job = thumbnails(house, second, 16)
    (request,) = house.relay()
    assert request.source.key.startswith(f"media/{first}")
    house.beat(request)
    remove(house, first)
    assert house.beat(request) == "go"  # the other job needs it
    house.fail(request, "infra", source_gone=True)
    (again,) = house.relay()
    assert (again.attempt, again.source.key.startswith(f"media/{second}")) == (2, True)
    house.finish(again)
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "done"


@pytest.mark.parametrize("removed_first", [False, True])
def test_a_late_notification_does_not_bring_it_back(house: House, removed_first: bool) -> None:
    stored = house.store.put(keys.MEDIA_BUCKET, "beach.jpg", [b"straight"], content_type="image/jpeg")
    late = notification("beach.jpg", stored.etag, 8)
    house.event(UPLOAD, "1", late, subject="beach.jpg")
    house.settle()
    (media,) = house.get("/media")["media"]
    remove(house, media["media_id"])
    if removed_first:
        objects(house)
    house.event(UPLOAD, "2", late, subject="beach.jpg")
    reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert (house.get("/media")["media"], objects(house)) == ([], [])


def test_an_object_written_over_it_meanwhile_stays(house: House) -> None:
    stored = house.store.put(keys.MEDIA_BUCKET, "beach.jpg", [b"old"], content_type="image/jpeg")
    house.event(UPLOAD, "1", notification("beach.jpg", stored.etag, 3), subject="beach.jpg")
    house.settle()
    (old,) = house.get("/media")["media"]
    remove(house, old["media_id"])
    newer = house.store.put(keys.MEDIA_BUCKET, "beach.jpg", [b"newer"], content_type="image/jpeg")
    assert objects(house)[0] == "beach.jpg"
    house.event(UPLOAD, "2", notification("beach.jpg", newer.etag, 5), subject="beach.jpg")
    house.settle()
    (new,) = house.get("/media")["media"]
    assert (new["media_id"] != old["media_id"], new["state"]) == (True, "accepted")


def test_an_upload_that_comes_after_the_delete_is_removed(house: House) -> None:
    grant = house.post("/uploads", {"filename": "b.png", "content_type": "image/png", "bytes": 5}, 201)
    remove(house, grant["media_id"])
    stored = house.store.put(keys.MEDIA_BUCKET, grant["object_key"], [b"grant"], content_type="image/png")
    house.event(UPLOAD, "1", notification(grant["object_key"], stored.etag), subject=grant["object_key"])
    assert objects(house) == []
    house.get(f"/media/{grant['media_id']}", 404)
