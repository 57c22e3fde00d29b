"""Idempotency-Key: the same again is told the same, and nothing happens twice."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, text

from gateway.service.idempotency import forget_expired
from gateway.store.tables import IdempotencyRow, JobRow, MediaRow

from .conftest import House
from .test_cancel import accepted, counted, thumbnails
from .test_retry import fail_all, letters, undeliverable


def send(house: House, path: str, key: str = "k", data: bytes | None = None, **more: Any) -> Any:
    if data is not None:
        more |= {"data": data, "content_type": "image/jpeg"}
    return house.public.post(path, headers={"Idempotency-Key": key}, **more)


def told(answer: Any) -> tuple[int, str, str | None]:
    return answer.status_code, answer.text, answer.headers.get("Location")


def jobs(house: House) -> int:
    return counted(house, select(func.count()).select_from(JobRow))


def test_the_same_job_once(house: House) -> None:
    body = {"media_id": accepted(house), "operations": ["thumbnail"]}
    first = send(house, "/jobs", json=body)
    house.settle()  # the job is done by now; the answer is the one given then
    assert told(send(house, "/jobs", json=body)) == told(first)
    assert (first.status_code, first.headers["Location"], jobs(house)) == (202, f"/jobs/{first.get_json()['job_id']}", 1)
    assert send(house, "/jobs", key="other", json=body).get_json()["job_id"] != first.get_json()["job_id"]


@pytest.mark.parametrize("form", [False, True])
def test_the_same_upload_once_whatever_it_is_wrapped_in(house: House, form: bool) -> None:
    first = send(house, "/media", data=b"bytes")
    wrapped = {"data": {"file": (io.BytesIO(b"bytes"), "x.jpg")}} if form else {"data": b"bytes", "content_type": "image/jpeg"}
    again = house.public.post("/media", headers={"Idempotency-Key": "k"}, **wrapped)
    assert (first.status_code, told(again)) == (201, told(first))
    assert counted(house, select(func.count()).select_from(MediaRow)) == 1
    other = send(house, "/media", data=b"other bytes")
    assert (other.status_code, "another request" in other.get_json()["detail"]) == (422, True)
    assert len(list(house.store.list("media"))) == 1


def test_another_body_path_or_query_is_refused(house: House) -> None:
    media = accepted(house)
    body = {"media_id": media, "operations": ["thumbnail"]}
    assert send(house, "/jobs", json=body).status_code == 202
    assert send(house, "/jobs", json=body | {"priority": "bulk"}).status_code == 422
    assert send(house, "/uploads", json=body).status_code == 422
    assert send(house, "/media", data=b"x").status_code == 422
    assert jobs(house) == 1


def test_while_the_first_is_in_flight(house: House) -> None:
    seen = []

    def chunks() -> Iterator[bytes]:
        yield b"begun"
        seen.append(send(house, "/media", data=b"begun").status_code)
        seen.append(send(house, "/uploads", json={}).status_code)
        yield b", ended"

    class Slow:
        def __init__(self) -> None:
            self.chunks = chunks()

        def read(self, _size: int = -1) -> bytes:
            return next(self.chunks, b"")

    answer = house.public.post(
        "/media",
        headers={"Idempotency-Key": "k"},
        environ_overrides={"wsgi.input": Slow(), "CONTENT_LENGTH": "12"},
        content_type="image/jpeg",
    )
    assert (answer.status_code, seen) == (201, [409, 409])


def test_a_refused_request_frees_its_key(house: House) -> None:
    media = accepted(house)
    assert send(house, "/jobs", json={"media_id": media, "operations": []}).status_code == 422
    assert send(house, "/media", data=b"").status_code == 400
    assert send(house, "/jobs", json={"media_id": media, "operations": ["thumbnail"]}).status_code == 202


def test_one_that_died_under_way_lapses(house: House) -> None:
    body = {"media_id": accepted(house), "operations": ["thumbnail"]}
    with house.gateway.database.transaction() as session:
        session.execute(text("insert into idempotency values ('default', 'k', null, null, null, null, now(), now() + interval '1 minute')"))
    assert send(house, "/jobs", json=body).status_code == 409
    with house.gateway.database.transaction() as session:
        session.execute(text("update idempotency set in_flight_until = now() - interval '1 second'"))
    assert send(house, "/jobs", json=body).status_code == 202


def test_kept_for_a_day(house: House) -> None:
    body = {"media_id": accepted(house), "operations": ["thumbnail"]}
    first = send(house, "/jobs", json=body).get_json()
    for hours, same in ((23, True), (25, False)):
        with house.gateway.database.transaction() as session:
            session.execute(text("update idempotency set created_at = now() - make_interval(hours => :h)"), {"h": hours})
        assert (send(house, "/jobs", json=body).get_json()["job_id"] == first["job_id"]) is same
    with house.gateway.database.transaction() as session:
        session.execute(text("update idempotency set created_at = now() - interval '25 hours'"))
        forget_expired(session)
    assert counted(house, select(func.count()).select_from(IdempotencyRow)) == 0


def test_retry_probe_uploads_and_redrive_too(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    fail_all(house, "bad-input")
    first, again = (send(house, f"/jobs/{job['job_id']}/retry") for _ in range(2))
    assert (first.status_code, told(first)) == (202, told(again))
    house.settle()
    grant = {"filename": "a.png", "content_type": "image/png", "bytes": 5}
    assert told(send(house, "/uploads", "u", json=grant)) == told(send(house, "/uploads", "u", json=grant))
    media = house.upload(b"another")
    undeliverable(house)
    letter = letters(house)[0]
    first, again = (send(house, f"/dead-letters/{letter['id']}/redrive", "r") for _ in range(2))
    assert (first.status_code, told(first)) == (202, told(again))
    fail_all(house, "timeout")
    first, again = (send(house, f"/media/{media['media_id']}/probe", "p") for _ in range(2))
    assert (first.status_code, told(first)) == (202, told(again))


@pytest.mark.parametrize("key", ["", "x" * 256, "ä"])
def test_what_is_no_key(house: House, key: str) -> None:
    assert send(house, "/jobs", key, json={}).status_code == 400
