"""Runs the real transcode, in the real sandbox, on clips of known truth. The facts come from the tests' own reader, not from probe."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from functions.runtime.job import Job, Output
from functions.transcode.transcode import transcode
from schemas.facts import Kind, MediaFacts
from schemas.parameters import TranscodeParameters
from tests.media import stream_info

_CONTAINERS = {".mp4": "mp4", ".mov": "mp4", ".mkv": "matroska", ".webm": "webm", ".ts": "mpegts", ".avi": "avi"}

Transcode = Callable[..., Output]


def facts_of(source: Path, *, hdr: str | None = None) -> MediaFacts:
    info = stream_info(source)
    width, height = info.width_px, info.height_px
    if width and height and info.sar:
        across, down = map(int, info.sar.split(":"))
        width = round(width * across / down)
    if info.rotation_deg in (90, 270):
        width, height = height, width
    return MediaFacts(
        kind=Kind.VIDEO,
        container=_CONTAINERS[source.suffix],
        width_px=width,
        height_px=height,
        rotation_deg=info.rotation_deg,
        duration_ms=info.duration_ms,
        frame_rate=info.frame_rate,
        video_codec=info.video_codec,
        audio_codec=info.sound_codec,
        hdr=hdr,
        sha256="0" * 64,
        bytes=source.stat().st_size,
    )


def job_for(
    source: Path,
    out: Path,
    *,
    short_side_px: int = 240,
    facts: MediaFacts | None = None,
    deadline_s: float = 60,
    progress: Callable[[float], None] = lambda _done: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Job:
    return Job(
        operation="transcode",
        parameters=TranscodeParameters(short_side_px=short_side_px),
        facts=facts or facts_of(source),
        source=source,
        filename=source.name,
        out=out,
        deadline_s=deadline_s,
        progress=progress,
        stopped=stopped,
    )


@pytest.fixture
def new_job(tmp_path: Path) -> Callable[..., Job]:
    """Makes the job of a source: its arguments are job_for's."""
    numbers = count()

    def make(source: Path, **how: object) -> Job:
        out = tmp_path / f"out-{next(numbers)}"
        out.mkdir()
        return job_for(source, out, **how)  # type: ignore[arg-type]

    return make


@pytest.fixture
def run(new_job: Callable[..., Job]) -> Transcode:
    """Transcodes a source and gives back the one output."""

    def make(source: Path, **how: object) -> Output:
        outcome = transcode(new_job(source, **how))
        (output,) = outcome.outputs
        return output

    return make
