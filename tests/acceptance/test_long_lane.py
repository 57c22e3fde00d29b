"""The long lane, end to end: a work predicted past the limit of a request runs as a Job. The limit is low here, so that a clip is long."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from infra.cli.status import read_status, rows
from tests.acceptance.system import REPOSITORY, System, eventually, running

pytestmark = pytest.mark.local("starts a system of its own with a low REQUEST_LIMIT_S, and kills its Jobs' processes")
FRAMES = 900  # of 1280 x 720 px: 6.4 s predicted for the decoding alone


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("long") / "data", REQUEST_LIMIT_S="1.5", START_TIMEOUT_S="60") as system:
        yield system


@pytest.fixture(scope="module")
def media(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A clip that takes several beats of two seconds to transcode."""
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    source = f"testsrc2=size=1280x720:rate=30:duration={FRAMES / 30}"
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, *encoder], check=True)
    media_id = system.upload(path)
    assert system.judged(media_id)["state"] == "accepted"
    return media_id


def jobs_of(system: System) -> list[int]:
    return [instance["pid"] for instance in system.instances()["transcode-job"]["instances"]]


def records(system: System) -> list[dict[str, Any]]:
    folder = system.data / "platform" / "jobs"
    return sorted((json.loads(path.read_text()) for path in folder.glob("*/job.json")), key=lambda record: record["created_at_s"])


def begin(system: System, media_id: str, short_side_px: int) -> tuple[str, int]:
    """(job's id, pid of the Job's process) of a rendition under way, with some progress made."""
    operation = {"operation": "transcode", "parameters": {"short_side_px": short_side_px}}
    job = system.call("POST", "/jobs", status=202, json={"media_id": media_id, "operations": [operation]})
    eventually(lambda: task(system, job["job_id"])["progress"] or 0, lambda progress: progress > 0, 60)
    [pid] = jobs_of(system)
    return job["job_id"], pid


def task(system: System, job_id: str) -> Any:
    return system.call("GET", f"/jobs/{job_id}")["tasks"][0]


def test_a_long_work_runs_as_a_job_and_shows_how_far_it_is(system: System, media: str, tmp_path: Path) -> None:
    job_id, pid = begin(system, media, 480)
    seen = [task(system, job_id)["progress"]]

    def ended() -> Any:
        seen.append(task(system, job_id)["progress"])
        return system.call("GET", f"/jobs/{job_id}")

    job = eventually(ended, lambda found: found["state"] in ("done", "failed"), 180)
    artifact = system.artifact(job, tmp_path / "video.mp4")
    assert (artifact["height_px"], artifact["duration_ms"]) == (480, FRAMES * 1000 // 30)
    assert seen == sorted(seen)
    assert seen[0] < seen[-1], seen  # how often it moves is the machine's business: a beat comes every two seconds
    eventually(lambda: records(system)[-1]["phase"], lambda phase: phase == "complete", 20)
    assert jobs_of(system) == []
    assert job["tasks"][0]["attempt"] == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_is_short_is_a_request_still(system: System) -> None:
    before = len(records(system))
    media_id = system.upload(REPOSITORY / "sample_data" / "cat.png", ["thumbnail"])
    assert system.job_of(media_id)["state"] == "done"
    assert len(records(system)) == before


def test_a_cancel_stops_the_jobs_process(system: System, media: str) -> None:
    job_id, _ = begin(system, media, 720)
    system.call("DELETE", f"/jobs/{job_id}", status=202)
    assert system.call("GET", f"/jobs/{job_id}")["state"] == "cancelled"
    eventually(
        lambda: records(system)[-1]["phase"], lambda phase: phase == "complete", 20
    )  # it has heard the word, and nobody waits for an answer


def test_a_job_that_is_killed_is_ended_by_the_reaper_and_tried_again(system: System, media: str) -> None:
    job_id, pid = begin(system, media, 540)
    os.kill(pid, signal.SIGKILL)
    job = eventually(lambda: system.call("GET", f"/jobs/{job_id}"), lambda found: found["state"] in ("done", "failed"), 240)
    [done] = job["tasks"]
    assert (done["state"], done["attempt"]) == ("done", 2)
    assert [(one["class"], one["message"]) for one in done["attempts"]] == [("infra", "Its function fell silent."), (None, None)]
    eventually(lambda: [record["phase"] for record in records(system)[-2:]], lambda phases: phases == ["failed", "complete"], 20)


def test_status_lists_the_jobs_that_run(system: System, media: str) -> None:
    job_id, pid = begin(system, media, 600)
    assert ("transcode-job", "JobSink", str(pid)) in rows(read_status(system.data))
    system.call("DELETE", f"/jobs/{job_id}", status=202)
