"""A mixed load while processes are killed in turn. Short here; `make soak`: ten minutes, a kill every 20 s, the platform among them."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.rig import FUNCTIONS, GATEWAY, Postgres, kill_group, kill_worker
from tests.faults.scene import Scene, picture, tagged_clip

SOAK_S = float(os.environ.get("SOAK_S", "40"))
KILL_EVERY_S = float(os.environ.get("SOAK_KILL_EVERY_S", "4"))
LONG_S = 300
UPLOAD_EVERY_S = 0.5


def test_soak(scene: Callable[[str], Scene], film: Path, own_server: Postgres) -> None:
    play = scene(f"soak of {SOAK_S:.0f} s, a kill every {KILL_EVERY_S:.0f} s")
    rig = play.rig
    ended = threading.Event()

    def load() -> None:
        n = 0
        while not ended.wait(UPLOAD_EVERY_S):
            n += 1
            if n % 6:
                play.upload(picture(f"{play.name} {n // 2}"), "thumbnail")  # every second one is the same again
            else:
                play.upload(tagged_clip(film, f"{play.name} {n}"), "thumbnail,transcode", "film.mp4")

    def restart() -> None:
        rig.kill()
        rig.start()

    def bounce() -> None:
        own_server.stop_at_once()
        time.sleep(1)
        own_server.start()

    def kill(name: str, how: Callable[[int], bool]) -> Callable[[], object]:
        return lambda: [how(pid) for pid in rig.pids(name)]

    victims = [kill(name, kill_worker) for name in FUNCTIONS]
    victims += [kill(name, kill_group) for name in (*GATEWAY, "bucket-source", "object-store")]
    victims += [bounce, *([restart] if SOAK_S >= LONG_S else [])]
    loader = threading.Thread(target=load)
    loader.start()
    began_s = time.monotonic()
    try:
        while time.monotonic() - began_s < SOAK_S:
            time.sleep(KILL_EVERY_S)
            victims[play.kills % len(victims)]()
            play.fault()
    finally:
        ended.set()
        loader.join()
    play.end(timeout_s=240, note=f"{play.refused} uploads refused while their gateway was away")
    assert set(play.states()) <= {"done", "failed"}
    failed = play.sql(
        "select array_agg(distinct error_class) from task where state = 'failed' and media_id = any(:media)", media=play.media
    )
    assert failed in (None, ["infra"])
