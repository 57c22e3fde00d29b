"""What everybody leans on goes away: the database, the store, the disk, a function's processor, the platform itself."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.faults.rig import LEASE_S, Postgres, set_patience, until
from tests.faults.scene import Scene, picture, tagged_clip

Scenes = Callable[[str], Scene]
UPLOAD = "com.amazonaws.s3.ObjectCreated:Put"
ELSEWHERE = {"s3": {"bucket": {"name": "elsewhere"}, "object": {"key": "x"}}}
EVENTS_PER_S = 50


def test_postgresql_stopped_at_once_for_ten_seconds_under_load(scene: Scenes, own_server: Postgres, film: Path) -> None:
    """50 events a second all the while: 202 only for what is kept, 503 while there is no database, and then it goes on by itself."""
    play = scene("PostgreSQL away for 10 s at 50 events/s")
    play.surely(tagged_clip(film, play.name), "transcode", "film.mp4")
    answers: list[tuple[float, str, int]] = []
    began_s, ended = time.monotonic(), threading.Event()

    def send(n: int) -> None:
        event_id = f"{play.name} {n}"
        answers.append((time.monotonic() - began_s, event_id, play.rig.post_event(UPLOAD, event_id, ELSEWHERE)))

    def produce() -> None:
        with ThreadPoolExecutor(32) as pool:
            n = 0
            while not ended.wait(1 / EVENTS_PER_S):
                pool.submit(send, n)
                n += 1

    producer = threading.Thread(target=produce)
    producer.start()
    time.sleep(1)
    own_server.stop_at_once()
    stopped_s = time.monotonic() - began_s
    for n in range(5):
        play.upload(picture(f"{play.name} refused {n}"), "thumbnail")
    assert play.media[1:] == [], "a false 201"
    time.sleep(max(0.0, 10 - (time.monotonic() - began_s - stopped_s)))
    back_s = time.monotonic() - began_s
    own_server.start()
    play.fault()
    play.surely(picture(f"{play.name} after"), "thumbnail")
    until(lambda: answers[-1][2] == 202, 60, "the ingress to say 202 again")
    again_s = time.monotonic() - began_s - back_s
    ended.set()
    producer.join()
    during = Counter(status for at_s, _, status in answers if stopped_s + 0.5 < at_s < back_s)
    accepted = [event_id for _, event_id, status in answers if status == 202]
    play.end(note=f"ingress while away {dict(during)}, 202 again after {again_s:.1f} s; {len(accepted)} events accepted")
    assert set(during) == {503}
    missing = play.sql("select count(*) from unnest(cast(:ids as text[])) one(id) where id not in (select id from inbox)", ids=accepted)
    assert missing == 0, "a false 202"


def test_the_store_is_slow(scene: Scenes) -> None:
    play = scene("object store slow: half a second a call")
    with play.rig.having("store", "slow 0.5"):
        for n in range(3):
            play.surely(picture(f"{play.name} {n}"), "thumbnail")
        play.fault()
        until(lambda: play.sql("select count(*) from task where state in ('queued', 'running')") == 0, 60, "all tasks")
    play.end()


def test_the_store_answers_500(scene: Scenes, film: Path) -> None:
    """Uploads are refused with 503; what was accepted before is done after."""
    play = scene("object store answers 500")
    play.surely(tagged_clip(film, play.name), "transcode", "film.mp4")
    play.surely(picture(play.name), "thumbnail")
    with play.rig.having("store", "failing"):
        assert play.upload(picture(f"{play.name} refused"), "thumbnail") is None
        time.sleep(3)
    play.fault()
    play.end()
    assert set(play.states()) == {"done"}


def test_the_stores_disk_is_away(scene: Scenes) -> None:
    play = scene("object store's folders away")
    for n in range(4):
        play.surely(picture(f"{play.name} {n}"), "thumbnail")
    with play.rig.without_store():
        assert play.upload(picture(f"{play.name} refused"), "thumbnail") is None
        assert play.rig.system.http.request("GET", play.rig.system.gateway + "/readyz").status == 503
        time.sleep(3)
    play.fault()
    play.end()
    assert play.sql("select count(*) from media where gone_at is not null") == 0


def test_the_disk_is_full(scene: Scenes) -> None:
    """RLIMIT_FSIZE: a write ends in the middle. The client is told, nothing truncated is left, and the next upload is taken."""
    play = scene("no file longer than 1 MiB")
    with play.rig.no_file_longer_than("gateway", 2**20):
        answer = play.rig.system.http.request("POST", f"{play.rig.system.gateway}/media?filename=a.png", body=b"x" * 3 * 2**20)
        assert answer.status in (503, 507)
        assert answer.headers["Content-Type"] == "application/problem+json"
        play.fault()
    play.surely(picture(play.name), "thumbnail")
    play.end(note=f"answered {answer.status}")


def test_a_function_stopped_past_its_lease_and_continued(scene: Scenes) -> None:
    """SIGSTOP with its outputs stored. The attempt is ended and made again; the zombie then writes its result, and it changes nothing."""
    play = scene("function stopped past its lease, then continued")
    play.rig.arm("thumbnail-outputs-stored", "stop")
    media_id = play.surely(picture(play.name, 64), "thumbnail")
    until(lambda: play.rig.was_hit("thumbnail-outputs-stored"), 60, "the point")
    stopped = [pid for pid in play.rig.pids("thumbnail") if psutil.Process(pid).status() == psutil.STATUS_STOPPED]
    assert stopped
    play.fault()
    until(lambda: play.sql("select count(*) from attempt where state = 'lost' and source_media_id = :m", m=media_id) == 1, 60, "the reaper")
    time.sleep(LEASE_S)
    for pid in stopped:
        os.killpg(pid, signal.SIGCONT)
    play.end()
    assert set(play.states()) == {"done"}
    assert play.sql("select result_attempt from work w join media m on m.sha256 = w.content where m.id = :m", m=media_id) == 2


def test_the_platform_killed_and_restarted_then_the_gateway_away_past_all_patience(scene: Scenes, film: Path) -> None:
    """kill -9 of `darkroom up` with work everywhere. Its next life's Triggers are impatient: replies and dead letters are lost, no work."""
    play = scene("darkroom up killed, then silence past the Triggers' patience")
    rig = play.rig
    for n in range(6):
        play.surely(picture(f"{play.name} {n}"), "thumbnail")
        play.surely(tagged_clip(film, f"{play.name} {n}"), "transcode", "film.mp4")
    rig.kill()
    play.fault()
    set_patience(rig.manifests, {"retry": 2, "backoffPolicy": "linear", "backoffDelay": "PT0.3S", "timeout": "PT1S"})
    rig.start()
    until(lambda: play.sql("select count(*) from attempt where state = 'running' and operation = 'transcode'") > 0, 60, "a transcode")
    with rig.paused("gateway-internal"):
        time.sleep(9)
    play.fault()
    lost = play.sql("select count(*) from broker.lost")
    play.end(note=f"the broker gave up on {lost} deliveries")
    assert lost > 0, "patience was not exceeded: this scene has shown nothing"
    assert set(play.states()) == {"done"}
