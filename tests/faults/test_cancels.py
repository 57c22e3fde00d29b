"""Two clients, one work; and clients that change their mind while it runs."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.rig import kill_worker, until
from tests.faults.scene import Scene, tagged_clip

Scenes = Callable[[str], Scene]
RUNNING = "select count(*) from attempt where state = 'running' and operation = 'transcode'"


def test_two_jobs_for_one_work_and_one_is_cancelled(scene: Scenes, film: Path) -> None:
    """The work goes on for the other, once."""
    play = scene("two jobs for one work, one cancelled while it runs")
    media_id = play.surely(tagged_clip(film, play.name), "none", "film.mp4")
    play.rig.system.judged(media_id)
    first, second = play.job(media_id, ["transcode"]), play.job(media_id, ["transcode"])
    until(lambda: play.sql(RUNNING), 60, "the transcode")
    play.rig.system.call("DELETE", f"/jobs/{first}", status=202)
    play.fault()
    play.end()
    jobs = [play.rig.system.call("GET", f"/jobs/{one}") for one in (first, second)]
    assert [job["state"] for job in jobs] == ["cancelled", "done"]
    assert len(jobs[1]["tasks"][0]["attempts"]) == 1


def test_cancelled_and_deleted_at_random_moments_under_kills(scene: Scenes, film: Path, rounds: int) -> None:
    """Whatever the moment: every slot comes back, nothing of a deleted media stays, and what another media needs is there."""
    play = scene("cancels and deletes at random moments, functions killed")
    system = play.rig.system
    kept = []
    for n in range(4 * rounds):
        data = tagged_clip(film, f"{play.name} {n}")
        doomed, kept_id = play.surely(data, "transcode", "film.mp4"), play.surely(data, "transcode", "film.mp4")
        cancelled = play.surely(tagged_clip(film, f"{play.name} {n} cancelled"), "transcode", "film.mp4")
        kept.append(kept_id)
        if n % 2:
            until(lambda: play.sql(RUNNING), 60, "a transcode")
        time.sleep(play.random.uniform(0, 1))
        system.call("DELETE", f"/media/{doomed}", status=204)
        for job in system.call("GET", f"/jobs?media_id={cancelled}")["jobs"]:
            system.call("DELETE", f"/jobs/{job['job_id']}", status=202)
        if play.random.random() < 0.7:
            killed = [kill_worker(pid) for pid in play.rig.pids("transcode")]
            if any(killed):
                play.fault()
        system.call("DELETE", f"/media/{doomed}", status=204)
    play.end(timeout_s=120)
    assert {system.job_of(one)["state"] for one in kept} == {"done"}
