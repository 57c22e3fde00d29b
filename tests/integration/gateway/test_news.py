"""A tenant's stream: every change once the greeting is there, statistics to those who may read them, one look however many follow."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event as hooks

from gateway.domain.access import DEFAULT_TENANT
from gateway.web.news import News

from .conftest import House
from .test_cancel import accepted, thumbnails
from .test_delete import remove
from .test_live import until

Told = list[tuple[str, Any]]


@pytest.fixture(autouse=True)
def _streams_end(house: House) -> Iterator[None]:
    """Each stream, before its database goes."""
    yield
    live = house.public.application.extensions["darkroom.live"]
    live.running = lambda: False
    until(lambda: not live._followers)


def follow(house: House, *, tenant: str = DEFAULT_TENANT, with_stats: bool = False) -> Told:
    """What the stream says, growing; the greeting has come."""
    live = house.public.application.extensions["darkroom.live"]
    stream, told = live.follow(tenant, with_stats=with_stats), Told()

    def read() -> None:
        for chunk in stream:
            for block in chunk.split("\n\n"):
                lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
                if "event" in lines:
                    told.append((lines["event"], json.loads(lines["data"])))

    threading.Thread(target=read, daemon=True).start()
    until(lambda: bool(told))
    assert told[0] == ("hello", {})
    return told


def of(told: Told, kind: str) -> list[Any]:
    return [data for said, data in told if said == kind]


def test_a_media_and_its_job_from_upload_to_done(house: House) -> None:
    accepted(house, b"older")
    told = follow(house)
    media = house.upload(b"1", "beach.jpg")
    until(lambda: [one["state"] for one in of(told, "media")] == ["uploaded"])
    house.settle()
    until(lambda: bool(of(told, "job")) and of(told, "job")[-1]["state"] == "done")
    assert {one["media_id"] for one in of(told, "media")} == {media["media_id"]}  # and nothing of what was there before
    assert of(told, "media")[-1]["state"] == "accepted"
    job = of(told, "job")[-1]
    assert (job["filename"], len(job["tasks"][0]["artifacts"])) == ("beach.jpg", 1)
    remove(house, media["media_id"])
    until(lambda: of(told, "deleted") == [{"media_id": media["media_id"]}])


def test_progress_of_a_job_that_is_not_among_the_newest(house: House) -> None:
    old = thumbnails(house, accepted(house), 16)
    (request,) = house.relay()
    house.beat(request)
    media = accepted(house, b"another")
    for size in range(17, 17 + 101):
        thumbnails(house, media, size)
    told = follow(house)
    house.beat(request, progress=0.5)
    mine = lambda: [(one["state"], one["tasks"][0]["progress"]) for one in of(told, "job") if one["job_id"] == old["job_id"]]  # noqa: E731
    until(lambda: mine() == [("running", 0.5)])
    house.finish(request)
    until(lambda: mine() == [("running", 0.5), ("done", 1.0)])


def test_statistics_only_for_those_who_may(house: House) -> None:
    told, plain = follow(house, with_stats=True), follow(house)
    until(lambda: bool(of(told, "stats")))
    assert of(told, "stats")[0]["dead_letters"] == 0
    house.upload(b"1")
    until(lambda: bool(of(plain, "media")))
    assert not of(plain, "stats")


def test_another_tenant_hears_nothing(house: House) -> None:
    theirs, ours = follow(house, tenant="other"), follow(house)
    house.upload(b"1")
    until(lambda: bool(of(ours, "media")))
    time.sleep(0.6)
    assert theirs == [("hello", {})]


def test_what_one_tenants_look_stumbles_over_costs_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    look = News.look

    def stumbling(news: News, *, with_stats: bool) -> dict[str, str]:
        if news._tenant != DEFAULT_TENANT:
            raise ValueError("a row that nobody can read")
        return look(news, with_stats=with_stats)

    monkeypatch.setattr(News, "look", stumbling)
    for n in range(20):  # whose turn is when is the set's choice
        follow(house, tenant=f"other-{n}")
    told = follow(house)
    house.upload(b"1")
    until(lambda: bool(of(told, "media")))


def test_many_followers_cost_what_one_does(house: House) -> None:
    everyone = [follow(house) for _ in range(50)]
    statements: list[str] = []
    hooks.listen(house.gateway.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    time.sleep(2)
    assert 3 <= len(statements) <= 3 * 5  # jobs, their fingerprints, media: at most five looks
    house.upload(b"1")
    until(lambda: all(of(told, "media") for told in everyone))
