"""kill -9, at random moments and at chosen ones, of every process in turn."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.faults.rig import GATEWAY, kill_group, kill_worker, runs_ffmpeg, until
from tests.faults.scene import Scene, picture, tagged_clip

Scenes = Callable[[str], Scene]
UNFINISHED = "select count(*) from task where state in ('queued', 'running')"


def test_a_function_killed_at_random_moments_of_a_transcode(scene: Scenes, film: Path, rounds: int) -> None:
    """Twenty kills, each of a process whose ffmpeg runs at that moment. A work may lose its function five times before it is ended."""
    play = scene("functions killed in a transcode")
    kills, works = 20 * rounds, 0
    while play.kills < kills:
        if play.sql(UNFINISHED) < 6:
            assert play.upload(tagged_clip(film, f"{play.name} {works}"), "transcode", "film.mp4")
            works += 1
        time.sleep(play.random.uniform(0, 0.7))
        for pid in play.rig.pids("transcode"):
            if play.kills < kills and runs_ffmpeg(pid) and kill_worker(pid):
                play.fault()
    play.end(timeout_s=120)


def test_a_jobs_process_and_its_node_killed_in_a_transcode(scene: Scenes, long_film: Path, rounds: int) -> None:
    """The long lane: five kills of a Job's process with its ffmpeg, then one of `darkroom up`, which is the Job's node here."""
    play = scene("jobs killed in a transcode")
    kills, works = 5 * rounds, 0
    while play.kills < kills:
        if play.sql(UNFINISHED) < 3:
            assert play.upload(tagged_clip(long_film, f"{play.name} {works}"), "transcode", "film.mp4")
            works += 1
        time.sleep(play.random.uniform(0, 0.7))
        for pid in play.rig.pids("transcode-job"):
            if play.kills < kills and runs_ffmpeg(pid) and kill_group(pid):
                play.fault()
    until(lambda: any(map(runs_ffmpeg, play.rig.pids("transcode-job"))), 60, "a job in the middle of its work")
    play.rig.kill()
    play.fault()
    play.rig.start()
    play.end(timeout_s=180)
    assert set(play.states()) == {"done"}
    assert (
        play.sql(
            "select count(*) from attempt where lane = 'request' and work_id in (select work_id from task where media_id = any(:m) "
            "and operation = 'transcode')",
            m=play.media,
        )
        == 0
    )


@pytest.mark.parametrize(
    ("point", "operation"),
    [
        ("probe-claimed", "thumbnail"),
        ("thumbnail-before-claim", "thumbnail"),
        ("transcode-worked", "transcode"),
        ("transcode-outputs-stored", "transcode"),
        ("thumbnail-result-stored", "thumbnail"),
        ("web-committed", "thumbnail"),
        ("web-stored", "thumbnail"),
        ("internal-before-commit", "thumbnail"),
        ("internal-after-commit", "thumbnail"),
        ("relay-claimed", "thumbnail"),
        ("relay-sent", "thumbnail"),
    ],
)
def test_killed_at(scene: Scenes, film: Path, point: str, operation: str) -> None:
    play = scene(f"killed at {point}")
    data = tagged_clip(film, point) if operation == "transcode" else picture(point)
    play.rig.arm(point, "kill")
    play.upload(data, operation, "a.mp4" if operation == "transcode" else "a.png")
    until(lambda: play.rig.was_hit(point), 60, f"a process at {point}")
    play.fault()
    play.end()
    assert not play.media or set(play.states()) == {"done"}


@pytest.mark.parametrize("point", ["web-joining", "web-joined"])
def test_a_completion_killed_at(scene: Scenes, point: str) -> None:
    """Before the store has made the parts one object the client asks again; afterwards nobody need ask."""
    play = scene(f"killed at {point}")
    system, data = play.rig.system, picture(point)
    asked = {"filename": "a.png", "content_type": "image/png", "bytes": len(data), "multipart": True}
    begun = system.call("POST", "/uploads?operations=thumbnail", status=201, json=asked)
    sent = system.http.request("PUT", begun["parts"][0]["url"], body=data)
    play.rig.arm(point, "kill")
    complete = {"json": {"parts": [{"part_number": 1, "etag": sent.headers["ETag"]}]}}
    with pytest.raises(urllib3.exceptions.HTTPError):
        system.ask("POST", f"/uploads/{begun['upload_id']}/complete", **complete)
    play.fault()
    if point == "web-joining":
        until(lambda: _answers(play, f"/uploads/{begun['upload_id']}/complete", complete) == 200, 60, "the gateway to complete it")
    play.media.append(begun["media_id"])
    until(lambda: _answers(play, f"/media/{begun['media_id']}") == 200, 60, "the gateway")
    until(lambda: system.media(begun["media_id"])["state"] == "accepted", 60, "the media to be accepted")
    assert list((play.rig.data / "objects" / ".parts").iterdir()) == []
    play.end()
    assert set(play.states()) == {"done"}


def _answers(play: Scene, path: str, body: dict[str, Any] | None = None) -> int:
    with suppress(urllib3.exceptions.HTTPError):
        return play.rig.system.ask("POST" if body else "GET", path, **(body or {})).status
    return 0


def test_each_process_of_the_gateway_in_turn(scene: Scenes, rounds: int) -> None:
    play = scene("gateway processes killed in turn")
    for n in range(2 * rounds):
        for name in (*GATEWAY, "bucket-source", "object-store"):
            for i in range(2):
                play.surely(picture(f"{play.name} {name} {n} {i}"), "thumbnail")
            for pid in play.rig.pids(name):
                if kill_group(pid):
                    play.fault()
            time.sleep(play.random.uniform(0, 0.3))
    play.end()
