"""Backpressure: what is refused before memory, queue or disk run out; and what a queue of a thousand does to one thumbnail."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.web.pressure import Pressure
from infra.objects.port import StoreFull
from schemas.facts import Kind

from .conftest import House
from .doors import two_tenants
from .test_cancel import accepted, thumbnails


def press(house: House, **bounds: int) -> None:
    settings = house.gateway.settings.model_copy(update=bounds)
    house.public.application.extensions["darkroom.pressure"] = Pressure(house.gateway.database, settings)


class Slow:
    """An upload's body that comes in two parts, the second one when it is let."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.parts = iter([b"begun", b", ended"])

    def read(self, _size: int = -1) -> bytes:
        part = next(self.parts, b"")
        if part == b", ended":
            self.begun.set()
            self.go_on.wait(10)
        return part


@contextmanager
def slow_uploads(house: House, count: int, key: str | None = None) -> Iterator[list[int]]:
    """So many under way at once; their statuses once they were let go on."""
    statuses: list[int] = []

    def upload(body: Slow) -> None:
        client = house.public.application.test_client()
        sent = {"wsgi.input": body, "CONTENT_LENGTH": "12", **({"HTTP_AUTHORIZATION": f"Bearer {key}"} if key else {})}
        statuses.append(client.post("/media", environ_overrides=sent, content_type="image/jpeg").status_code)

    bodies = [Slow() for _ in range(count)]
    threads = [threading.Thread(target=upload, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    assert all(body.begun.wait(10) for body in bodies)
    try:
        yield statuses
    finally:
        for body in bodies:
            body.go_on.set()
        for thread in threads:
            thread.join(10)


def test_one_upload_too_many_is_told_to_come_again(house: House) -> None:
    press(house, max_uploads=1)
    with slow_uploads(house, 1) as statuses:
        refused = house.public.post("/media", data=b"x", content_type="image/jpeg")
        assert (refused.status_code, refused.headers["Retry-After"], refused.content_type) == (429, "2", "application/problem+json")
    assert statuses == [201]
    assert house.public.post("/media", data=b"x", content_type="image/jpeg").status_code == 201  # the place is free again
    assert len(house.get("/media")["media"]) == 2  # nothing is left of the refused one


def test_one_key_has_half_of_the_places_and_another_ones_upload_is_taken_beside(house: House) -> None:
    tenants = two_tenants(house)
    press(tenants.house, max_uploads=4)
    body = {"data": b"x", "content_type": "image/jpeg"}
    with slow_uploads(tenants.house, 2, tenants.a) as statuses:
        refused = tenants.ask("POST", "/media", tenants.a, **body)
        assert (refused.status_code, refused.headers.get("Retry-After")) == (429, "2")
        assert "2 uploads of this key" in refused.get_json()["detail"]
        assert tenants.ask("POST", "/media", tenants.b, **body).status_code == 201
    assert statuses == [201, 201]
    assert tenants.ask("POST", "/media", tenants.a, **body).status_code == 201


def test_where_no_keys_are_asked_for_nobody_is_counted(house: House) -> None:
    press(house, max_uploads=4)
    with slow_uploads(house, 3):
        assert house.public.post("/media", data=b"x", content_type="image/jpeg").status_code == 201


def test_a_full_queue_takes_no_more_till_it_drains(house: House) -> None:
    media = accepted(house)
    thumbnails(house, media, 16, 17, 18)
    press(house, max_queued_tasks=3)
    body: dict[str, Any] = {"media_id": media, "operations": ["thumbnail"]}
    for answer in (
        house.public.post("/jobs", json=body),
        house.public.post("/uploads", json={"filename": "a.png", "content_type": "image/png", "bytes": 5}),
        house.public.post("/media", data=b"x", content_type="image/jpeg"),
    ):
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    house.settle()
    press(house, max_queued_tasks=3)  # a fresh count
    house.post("/jobs", body)


def test_a_full_store(house: House) -> None:
    def full(*_: Any, **__: Any) -> Iterator[bytes]:
        raise StoreFull("The object store has 1 bytes left.")

    house.store.put = full  # type: ignore[method-assign, assignment]
    answer = house.public.post("/media", data=b"x", content_type="image/jpeg")
    assert (answer.status_code, answer.content_type, answer.get_json()["title"]) == (507, "application/problem+json", "The store is full")
    assert house.get("/media")["media"] == []


def test_a_thumbnails_p95_while_a_thousand_transcodes_wait(house: House) -> None:
    """Slots are per operation: what waits for transcode is not in a thumbnail's way, which goes out with the job that asks for it."""
    clips = [house.upload(f"clip {n}".encode(), operations="none")["media_id"] for n in range(2)]
    while batch := house.relay():
        for probe in batch:
            house.finish(probe, facts=house.facts(probe, Kind.VIDEO))
    picture = accepted(house)
    empty = [timed_thumbnail(house, picture, edge) for edge in range(100, 130)]
    for clip in clips:
        for first in range(240, 740, 25):  # 20 jobs of 25: 500 each
            wish = [{"operation": "transcode", "parameters": {"short_side_px": side}} for side in range(first, first + 25)]
            house.post("/jobs", {"media_id": clip, "operations": wish, "priority": "bulk"})
    assert [request.operation for request in house.relay()] == ["transcode"] * 2
    assert house.get("/stats")["tasks"]["queued"] == 1000
    loaded = [timed_thumbnail(house, picture, edge) for edge in range(200, 230)]
    p95_ms = [statistics.quantiles(times, n=20)[-1] * 1000 for times in (empty, loaded)]
    print(f"\na thumbnail from POST to done, p95: {p95_ms[0]:.0f} ms with an empty queue, {p95_ms[1]:.0f} ms with 1,000 transcodes waiting")
    assert p95_ms[1] < 10 * p95_ms[0] + 100


def timed_thumbnail(house: House, media: str, edge: int) -> float:
    """Seconds from the client's POST until its job is done, with a function that takes no time."""
    began_s = time.perf_counter()
    job = thumbnails(house, media, edge)
    (request,) = house.relay()  # it alone, and at once
    assert request.operation == "thumbnail"
    house.finish(request)
    assert house.get(f"/jobs/{job['job_id']}")["state"] == "done"
    return time.perf_counter() - began_s
