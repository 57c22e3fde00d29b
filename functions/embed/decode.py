"""Pixels for a model: from a still in the image worker, from a video by one FFmpeg process. What comes back is small and raw."""

from pathlib import Path
from typing import Final

from functions.embed.plan import sampling
from functions.errors import BadInput
from functions.media.ffmpeg import PIXELS, Options, Target, command
from functions.media.frames import input_colour, rgb_filters
from functions.runtime.job import Job
from functions.sandbox import Limits, call_worker, run_tool
from schemas.facts import Kind, MediaFacts

_LIMITS: Final = Limits(cpu_s=240, file_bytes=64 << 20, output_bytes=128 << 20)


def pixels(job: Job, facts: MediaFacts, size: tuple[int, int], frames: int) -> bytes:
    """Frames of this size in pixels, upright, as raw 8-bit sRGB, one after another: one of a still, at most `frames` of a video.

    Raises:
        BadInput: nothing can be decoded.
        FunctionError: as `run_tool` and `call_worker`.
    """
    raw = job.out / "frames.rgb"
    if facts.kind is Kind.IMAGE:
        arguments = {"container": facts.container, "width_px": size[0], "height_px": size[1]}
        call_worker("functions.embed.still:still", arguments, source=job.source, out=job.out, deadline_s=job.deadline_s)
    else:
        argv = frames_argv(facts, size, frames, job.source, raw)
        run_tool(argv, read=[job.source], write=job.out, limits=_LIMITS, deadline_s=job.deadline_s, stopped=job.stopped)
    data = raw.read_bytes() if raw.exists() else b""
    raw.unlink(missing_ok=True)
    frame_bytes = size[0] * size[1] * 3
    if len(data) < frame_bytes:
        raise BadInput("No frame of the video can be decoded.")
    return data[: len(data) // frame_bytes * frame_bytes]


def frames_argv(facts: MediaFacts, size: tuple[int, int], frames: int, source: Path, raw: Path) -> list[str]:
    """FFmpeg's argv for evenly spread frames of raw RGB in the file `raw`."""
    plan = sampling(facts, frames)
    way: Options = {"skip_frame": "nokey"} if plan.keyframes_only else {}
    chain = f"select='{plan.select}',{rgb_filters(facts, *size)}"
    some: Options = {"frames:v": plan.frames, "fps_mode": "passthrough", "vf": chain, **PIXELS}
    return command(
        facts,
        source,
        [Target(path=raw, streams=["V:0"], options=some)],
        decoding={**input_colour(facts), **way, "threads": 2},
        overall={"v": "error", "filter_threads": 1},
    )
