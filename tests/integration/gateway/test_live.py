"""Live status: one document a change, to the end; many watchers at the price of one; over gunicorn as it is deployed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
from sqlalchemy import event as hooks

from gateway.bootstrap import Gateway
from infra.objects.folder import FolderObjects

from .conftest import House
from .test_cancel import accepted, cancel, thumbnails
from .test_delete import remove


def follow(house: House, job: dict[str, Any], told: list[dict[str, Any]]) -> threading.Thread:
    """Follows a job to its end in a thread of its own; `told` grows."""
    live = house.public.application.extensions["darkroom.live"]
    stream = live.stream("default", job["job_id"])

    def read() -> None:
        for chunk in stream:
            for line in chunk.splitlines():
                if line.startswith("data: "):
                    told.append(json.loads(line.removeprefix("data: ")))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_change_to_the_end(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    told: list[dict[str, Any]] = []
    thread = follow(house, job, told)
    until(lambda: len(told) == 1)
    (request,) = house.relay()
    house.beat(request)
    until(lambda: told[-1]["state"] == "running")
    house.beat(request, progress=0.5)
    until(lambda: told[-1]["tasks"][0]["progress"] == 0.5)
    house.finish(request)
    thread.join(10)
    assert not thread.is_alive()
    assert (told[0]["state"], told[-1]["state"], len(told[-1]["tasks"][0]["artifacts"])) == ("queued", "done", 1)
    shown = [(one["state"], one["tasks"][0]["attempt"], one["tasks"][0]["progress"]) for one in told]
    assert len(shown) == len(set(shown)) <= 5  # queued; sent, maybe; running; half; done: each once


@pytest.mark.parametrize("end", ["cancelled", "deleted"])
def test_it_ends_with_the_job(house: House, end: str) -> None:
    media = accepted(house)
    job = thumbnails(house, media, 16)
    told: list[dict[str, Any]] = []
    thread = follow(house, job, told)
    until(lambda: bool(told))
    if end == "cancelled":
        cancel(house, job)
    else:
        remove(house, media)
    thread.join(10)
    assert (thread.is_alive(), told[-1]["state"]) == (False, "cancelled")


def test_an_ended_job_is_told_once(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    house.settle()
    answer = house.public.get(f"/jobs/{job['job_id']}/events")
    assert (answer.status_code, answer.content_type) == (200, "text/event-stream")
    events = [block for block in answer.text.split("\n\n") if block.startswith("event: job\n")]
    assert [json.loads(block.split("data: ", 1)[1])["state"] for block in events] == ["done"]


def test_what_is_not_there(house: House) -> None:
    house.get("/jobs/0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa/events", 404)
    media = accepted(house)
    job = thumbnails(house, media, 16)
    remove(house, media)
    house.get(f"/jobs/{job['job_id']}/events", 410)


def test_a_hundred_watchers_cost_what_one_does(house: House) -> None:
    """The ledger is asked twice a second, however many watch; and not at all once nobody does."""
    job = thumbnails(house, accepted(house), 16)
    told: list[list[dict[str, Any]]] = [[] for _ in range(100)]
    threads = [follow(house, job, one) for one in told]
    until(lambda: all(told))
    statements: list[str] = []
    hooks.listen(house.gateway.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    time.sleep(2)
    assert 1 <= len(statements) <= 2 * 2 + 2
    cancel(house, job)
    for thread in threads:
        thread.join(10)
    assert {one[-1]["state"] for one in told} == {"cancelled"}
    time.sleep(1)
    before = len(statements)
    time.sleep(1.2)
    assert len(statements) == before


def test_too_many(house: House) -> None:
    job = thumbnails(house, accepted(house), 16)
    live = house.public.application.extensions["darkroom.live"]
    live._max = 1
    told: list[dict[str, Any]] = []
    thread = follow(house, job, told)
    until(lambda: bool(told))
    refused = house.public.get(f"/jobs/{job['job_id']}/events")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    cancel(house, job)
    thread.join(10)
    assert house.public.get(f"/jobs/{job['job_id']}/events").status_code == 200


@contextmanager
def listening(house: House, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The public listener as the manifest starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["--config=python:gateway.web.gunicorn", f"--bind=127.0.0.1:{port}", "gateway.web.wsgi:app"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *command],
        env=os.environ
        | {
            "DATABASE_URL": house.gateway.settings.database_url.get_secret_value(),
            "OBJECT_STORE_URL": folder.as_uri(),
            "OBJECT_STORE_PUBLIC_URL": "http://127.0.0.1:1",
            "ATTEMPT_TOKEN_KEY": "0123456789abcdef0",
            "REQUIRE_KEYS": "false",
        },
    )
    try:
        until(lambda: _answers(port), 30)
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_over_gunicorn_and_when_it_stops(house: House, tmp_path: Path) -> None:
    store = FolderObjects(tmp_path, "http://127.0.0.1:1")
    house = House(Gateway(settings=house.gateway.settings, database=house.gateway.database, objects=store), store)  # type: ignore[arg-type]
    media = accepted(house)
    first, second = thumbnails(house, media, 16), thumbnails(house, media, 17)
    with listening(house, tmp_path) as (url, process):
        http = urllib3.PoolManager(retries=False, timeout=20, headers={"Connection": "close"})  # an idle one would be waited for
        streams = [http.request("GET", f"{url}/jobs/{job['job_id']}/events", preload_content=False) for job in (first, second, second)]
        assert http.request("GET", f"{url}/healthz").status == 200  # the one worker is not held up
        house.finish(house.relay()[0])
        assert b'"state":"done"' in streams[0].read()  # to its end
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert [b"event: job" in stream.read() for stream in streams[1:]] == [True, True]
        process.wait(20)
        assert time.monotonic() - began_s < 20  # graceful_timeout is 30 s; the streams did not use it up
