"""Progress, stop, silence and the deadline, on an ffmpeg that really runs."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.errors import Stopped, TimedOut
from functions.runtime.job import Job
from functions.transcode import transcode as module
from functions.transcode.progress import Progress
from functions.transcode.transcode import transcode
from schemas.facts import Kind, MediaFacts
from tests.integration.functions.transcode.conftest import facts_of
from tests.media import clip, ffmpeg, stalled

NewJob = Callable[..., Job]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 s of 720p noise: more work than any of these tests waits for."""
    source = tmp_path_factory.mktemp("slow") / "slow.mp4"
    noise = "color=gray:s=320x180:r=10:d=40,noise=alls=60:allf=t,scale=1280:720:flags=neighbor"
    ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "40", source)
    return source


def _ffmpegs(source: Path) -> list[int]:
    """The processes that have this source on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and os.fsencode(source) in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_progress_rises_and_stays_below_one(slow: Path, new_job: NewJob) -> None:
    told: list[float] = []
    with pytest.raises(Stopped):
        transcode(new_job(slow, short_side_px=720, progress=told.append, stopped=lambda: len(told) >= 3))
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] < 1


def test_stop_ends_ffmpeg_at_once(slow: Path, new_job: NewJob) -> None:
    told: list[float] = []
    with pytest.raises(Stopped):
        transcode(new_job(slow, short_side_px=720, progress=lambda _done: told.append(time.monotonic()), stopped=lambda: bool(told)))
    assert time.monotonic() - told[0] < 10
    assert _ffmpegs(slow) == []


def test_silence_is_a_timeout(slow: Path, new_job: NewJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 1.0)
    halted: list[int] = []

    def halt(_done: float) -> None:
        if not halted:
            halted.extend(_ffmpegs(slow))
            for pid in halted:
                os.kill(pid, signal.SIGSTOP)

    with pytest.raises(TimedOut, match="no progress"):
        transcode(new_job(slow, short_side_px=720, progress=halt))
    assert halted
    assert _ffmpegs(slow) == []


def test_silence_while_the_result_is_read_again_is_one_too(tmp_path: Path, new_job: NewJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 1.0)
    made = clip(tmp_path / "made.mp4", seconds=4, faststart=True)
    run = module._Run(new_job(made))
    run.target = run.job.out / "half.mp4"
    with stalled(made, run.target), pytest.raises(TimedOut, match="no progress for 1 seconds"):
        run._made()


def test_a_look_that_hangs_has_a_deadline_of_its_own(tmp_path: Path, new_job: NewJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 1.0)
    whole = clip(tmp_path / "a.mp4", seconds=4)  # its index comes last: half of it is nothing to look at
    with stalled(whole, tmp_path / "half.mp4") as source, pytest.raises(TimedOut, match="did not end within 1 seconds"):
        module._Run(new_job(source, facts=facts_of(whole), deadline_s=30))._look()


def test_the_deadline_holds(slow: Path, new_job: NewJob) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="did not end"):
        transcode(new_job(slow, short_side_px=720, deadline_s=1))
    assert time.monotonic() - began < 10
    assert _ffmpegs(slow) == []


def _facts(frames: int | None, duration_ms: int | None) -> MediaFacts:
    return MediaFacts(kind=Kind.VIDEO, container="mp4", frames=frames, duration_ms=duration_ms, sha256="0" * 64, bytes=1)


@pytest.mark.parametrize(
    ("frames", "duration_ms", "told"),
    [
        (100, 4000, [0.25, 0.99]),  # 25 / 100; at the end never 1: it is not stored yet
        (None, 4000, [0.25, 0.99]),  # 1,000,000 µs of 4 s
        (None, None, []),
    ],
)
def test_progress_by_frames_else_by_time(frames: int | None, duration_ms: int | None, told: list[float]) -> None:
    said: list[float] = []
    progress = Progress(_facts(frames, duration_ms), said.append)
    report = ["frame=25", "fps=0.00", "out_time_us=1000000", "out_time=00:00:01.000000", "progress=continue"]
    assert [progress.line(line) for line in report] == [True, False, True, False, False]
    assert not any(progress.line(line) for line in report)  # the same again is no progress
    assert not progress.line("out_time_us=N/A")
    assert progress.line("frame=100")
    assert progress.line("out_time_us=4000000")
    assert said == told
