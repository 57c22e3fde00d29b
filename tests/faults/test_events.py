"""Events many times, in any order, not at all, too many at once, and ones that nobody can take."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from schemas import events
from tests.faults.rig import until
from tests.faults.scene import Scene, picture, tagged_clip

Scenes = Callable[[str], Scene]
UPLOAD = "com.amazonaws.s3.ObjectCreated:Put"
BURST = 5000
MORE_MEMORY_BYTES = 200 * 2**20  # 5,000 events of 1 KiB would be 5 MiB; a copy of each in every part of the platform, ten times


def test_every_event_ten_times_at_once_and_shuffled(scene: Scenes, film: Path, rounds: int) -> None:
    play = scene("every event ten times, shuffled")
    with play.rig.having("tenfold", play.name):
        for n in range(4 * rounds):
            play.surely(picture(f"{play.name} {n}"), "thumbnail")
        play.surely(tagged_clip(film, play.name), "thumbnail,transcode", "film.mp4")
        play.fault()
        until(lambda: play.sql("select count(*) from task where state in ('queued', 'running')") == 0, 60, "all tasks")
    before = play.sql("select count(*) from attempt")
    replays = [(events.COMPLETED, json.loads(path.read_bytes())) for path in (play.rig.data / "objects/outputs").rglob("result.json")][-20:]
    copies = [(kind, f"{data['attempt_id']}.copy{n % 3}", data) for kind, data in replays for n in range(10)]
    play.random.shuffle(copies)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda copy: play.rig.post_event(*copy), copies)) == {202}
    play.end(note=f"{len(copies)} late copies of results")
    assert play.sql("select count(*) from attempt") == before
    assert play.sql("select count(*) from dead_letter") == 0


def test_notifications_dropped(scene: Scenes) -> None:
    """Uploads straight to the store by grants: only the reconciler can find them."""
    play = scene("notifications dropped")
    rig = play.rig
    with rig.having("drop"):
        for n in range(5):
            data = picture(f"{play.name} {n}")
            grant = rig.system.call(
                "POST",
                "/uploads?operations=thumbnail",
                status=201,
                json={"filename": "a.png", "content_type": "image/png", "bytes": len(data)},
            )
            fields = {**grant["fields"], "file": ("a.png", data, "image/png")}
            assert rig.system.http.request("POST", grant["url"], fields=fields).status in (200, 201, 204)
            play.media.append(grant["media_id"])
        play.fault()
        until(lambda: all(rig.system.media(one)["state"] == "accepted" for one in play.media), 60, "the reconciler")
    play.end()
    assert {rig.system.job_of(one)["state"] for one in play.media} == {"done"}


def test_poison_among_a_hundred_good_ones(scene: Scenes) -> None:
    """Nobody's queue is blocked: what can be judged is rejected, what cannot be read is kept as a dead letter, once."""
    play = scene("poison among a hundred")
    good = [picture(f"{play.name} {n}") for n in range(100)]
    poison: list[tuple[str, str, dict[str, object], dict[str, str]]] = [
        (UPLOAD, "poison-1", {"s3": {"bucket": "media"}}, {}),
        (events.REQUESTED, "poison-2", {"attempt_id": "x"}, {"operation": "thumbnail", "lane": "request"}),
        (events.COMPLETED, "poison-3", {"attempt_id": "x", "artifacts": "none"}, {}),
    ]
    letters = play.sql("select count(*) from dead_letter")

    def upload(n: int) -> None:
        play.surely(good[n], "thumbnail")
        if n % 30 == 10:
            kind, event_id, data, extensions = poison[n // 30 % 3]
            for _ in range(10):
                assert play.rig.post_event(kind, event_id, data, **extensions) == 202

    with ThreadPoolExecutor(8) as pool:
        cut = pool.submit(play.surely, picture(play.name)[:100], "thumbnail")
        list(pool.map(upload, range(100)))
    play.fault()
    until(lambda: play.sql("select count(*) from dead_letter") - letters >= 3, 60, "the dead letters")
    play.end(timeout_s=150)
    assert play.rig.system.media(cut.result())["state"] == "rejected"
    assert Counter(play.rig.system.media(one)["state"] for one in play.media) == {"accepted": 100, "rejected": 1}
    assert play.sql("select count(*) from dead_letter") - letters == 3 + 9  # a request that nobody knows is kept each time it dies


def test_fifty_identical_uploads_at_once(scene: Scenes) -> None:
    play = scene("fifty identical uploads at once")
    data = picture(play.name)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: play.surely(data, "thumbnail"), range(50)))
    play.end()
    sha256 = hashlib.sha256(data).hexdigest()
    works = play.sql("select count(*) from work where operation = 'thumbnail' and content = :sha256", sha256=sha256)
    assert works == 1
    assert play.sql("select sum(attempts) from work where operation = 'thumbnail' and content = :sha256", sha256=sha256) == 1
    assert play.sql("select count(*) from job where state = 'done' and media_id = any(:media)", media=play.media) == 50


def test_a_burst_of_5000_events_in_bounded_memory(scene: Scenes, rounds: int) -> None:
    """While their receiver stands still: the broker takes all, keeps them on disk, and delivers all when it goes on."""
    play = scene("5,000 events in a burst")
    platform = psutil.Process(play.rig.system.pid)
    rest_bytes = most_bytes = platform.memory_info().rss
    ended = threading.Event()

    def watch() -> None:
        nonlocal most_bytes
        while not ended.wait(0.05):
            most_bytes = max(most_bytes, platform.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    ids = [f"{play.name} {n}" for n in range(BURST * rounds)]
    data = {"s3": {"bucket": {"name": "elsewhere"}, "object": {"key": "x" * 900}}}
    with play.rig.paused("gateway-internal"), ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda event_id: play.rig.post_event(UPLOAD, event_id, data), ids)) == {202}
        waiting = play.sql("select count(*) from broker.delivery")
    play.fault()
    play.end(timeout_s=150, note=f"{waiting} waited; platform {rest_bytes / 2**20:.0f} MiB at rest, {most_bytes / 2**20:.0f} MiB at most")
    ended.set()
    watcher.join()
    assert play.sql("select count(*) from inbox where source = '/faults' and id = any(:ids)", ids=ids) == len(ids)
    assert most_bytes - rest_bytes < MORE_MEMORY_BYTES
