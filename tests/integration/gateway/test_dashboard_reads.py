"""What the dashboard reads beyond the plain lists: searches, media with their artifacts, files to keep, and what ended lately."""

import pytest

from gateway.domain.states import TaskState

from .conftest import House

NAMES = ("IMG_4127 beach-day.JPG", "beach.night.mp4", "été.png", "notes_2.jpg")


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("beach", {NAMES[0], NAMES[1]}),
        ("BEA da", {NAMES[0]}),
        ("img 41", {NAMES[0]}),
        ("Été", {NAMES[2]}),
        ("2", {NAMES[3]}),
        ("each", set()),  # words by their beginnings
        ("jpg", {NAMES[0], NAMES[3]}),
        ("' & | ! :*", set()),
        ("--", set()),
    ],
)
def test_search_by_filename(house: House, q: str, found: set[str]) -> None:
    for n, name in enumerate(NAMES):
        house.upload(f"{n}".encode(), name)
    answer = house.public.get("/media", query_string={"q": q}).get_json()
    assert {media["filename"] for media in answer["media"]} == found
    answer = house.public.get("/jobs", query_string={"q": q}).get_json()
    assert {job["filename"] for job in answer["jobs"]} == found


def test_search_by_id(house: House) -> None:
    first, second = house.upload(b"1")["media_id"], house.upload(b"2")["media_id"]
    house.settle()
    (job,) = house.get(f"/jobs?media_id={first}")["jobs"]
    for q in (first, job["job_id"]):
        assert [one["job_id"] for one in house.get(f"/jobs?q={q}")["jobs"]] == [job["job_id"]]
    assert [one["media_id"] for one in house.get(f"/media?q={second}")["media"]] == [second]
    for q in ("", "x" * 201):
        house.get(f"/jobs?q={q}", 422)


def test_media_with_their_artifacts(house: House) -> None:
    bare, made = house.upload(b"1", operations="none"), house.upload(b"2")
    house.settle()
    listed = house.get("/media?artifacts=true")["media"]
    assert [(one["media_id"], len(one["artifacts"])) for one in listed] == [(made["media_id"], 1), (bare["media_id"], 0)]
    assert listed[0]["artifacts"][0]["artifact_id"] == house.get(f"/media/{made['media_id']}/artifacts")["artifacts"][0]["artifact_id"]
    assert "artifacts" not in house.get("/media")["media"][0]
    house.get("/media?artifacts=maybe", 422)


def test_an_artifact_as_a_file(house: House) -> None:
    media = house.upload(b"1", "beach.jpg")
    house.settle()
    (artifact,) = house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]
    answer = house.public.get(f"/artifacts/{artifact['artifact_id']}/download")
    assert answer.status_code == 302
    assert "beach-thumbnail.webp" in answer.headers["Location"]
    assert house.public.delete(f"/media/{media['media_id']}").status_code == 204
    house.get(f"/artifacts/{artifact['artifact_id']}/download", 404)


def test_what_ended_lately(house: House) -> None:
    house.upload(b"1")
    house.settle()
    house.upload(b"2")
    (probe,) = house.relay()
    house.finish(probe)
    (thumbnail,) = house.relay()
    house.beat(thumbnail)
    house.fail(thumbnail, "bad-input")
    stats = house.get("/stats")
    assert stats["tasks"] | {} == dict.fromkeys(TaskState, 0) | {"done": 1, "failed": 1}
    assert stats["failures_24h"] == {"bad-input": 1}
    minutes = stats["throughput"]
    assert [len(minutes), sum(m["done"] for m in minutes), sum(m["failed"] for m in minutes)] == [30, 1, 1]
    assert minutes == sorted(minutes, key=lambda minute: minute["at"])
