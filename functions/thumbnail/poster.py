"""A frame of a video that shows something, as a thumbnail: the best of at most ten looks, by spread of luma; black only if all is black.

A look is one FFmpeg process that seeks before it opens and decodes one keyframe. Only where every keyframe is dull are exact moments
decoded, each for a few seconds at most: the whole file never is.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from functions.errors import BadInput, TimedOut
from functions.media.ffmpeg import PIXELS, Options, Target, command
from functions.media.frames import input_colour, rgb_filters
from functions.runtime.job import Job
from functions.sandbox import Limits, call_worker, run_tool
from functions.thumbnail.plan import ENCODINGS, Look, fit_within, looks
from schemas.facts import MediaFacts
from schemas.parameters import ThumbnailParameters

_GOOD_SPREAD: Final = 24.0
"""A frame whose luma has this standard deviation, of 127.5, is good enough to look no further: a plain title card has about that."""
_EXACT_LOOK_S: Final = 6.0
_LIMITS: Final = Limits(cpu_s=60, file_bytes=64 << 20, output_bytes=256 << 20)


@dataclass(frozen=True, kw_only=True)
class Poster:
    """One look's thumbnail. They compare by what can be seen."""

    path: Path
    width_px: int
    height_px: int
    spread: float
    black: bool

    @property
    def merit(self) -> tuple[bool, float]:
        return not self.black, self.spread

    @property
    def good(self) -> bool:
        return not self.black and self.spread >= _GOOD_SPREAD


def poster(job: Job, facts: MediaFacts, parameters: ThumbnailParameters) -> Poster:
    """The best frame's thumbnail.

    Raises:
        BadInput: no frame can be decoded.
        FunctionError: as `run_tool` and `call_worker`.
    """
    best: Poster | None = None
    for found in _found(job, facts, parameters):
        if best is None or found.merit > best.merit:
            best = found
        if best.good:
            break
    if best is None:
        raise BadInput("No frame of the video can be decoded.")
    return best


def _found(job: Job, facts: MediaFacts, parameters: ThumbnailParameters) -> Iterator[Poster]:
    """The looks' thumbnails, each in a folder of its own, one by one as they are asked for."""
    ends_at = time.monotonic() + job.deadline_s
    assert facts.width_px
    assert facts.height_px
    size = fit_within(facts.width_px, facts.height_px, parameters.longest_edge_px)
    plan = looks(facts.duration_ms, facts.frames)
    for number, look in enumerate(plan):
        job.progress(number / len(plan))
        folder = job.out / f"look-{number}"
        folder.mkdir()
        frame = folder / "frame.rgb"
        left_s = ends_at - time.monotonic()
        with suppress(TimedOut) if look.exact else nullcontext():
            run_tool(
                look_argv(facts, look, size, job.source, frame),
                read=[job.source],
                write=folder,
                limits=_LIMITS,
                deadline_s=min(left_s, _EXACT_LOOK_S) if look.exact else left_s,
                stopped=job.stopped,
            )
        if not frame.exists() or not frame.stat().st_size:
            continue  # past the last frame, or nothing there that can be decoded
        seen = call_worker(
            "functions.thumbnail.render:render_frame",
            {"width_px": size[0], "height_px": size[1], "format": parameters.format},
            source=frame,
            out=folder,
            deadline_s=ends_at - time.monotonic(),
        )
        frame.unlink()
        yield Poster(path=folder / ENCODINGS[parameters.format].name, **seen)


def look_argv(facts: MediaFacts, look: Look, size: tuple[int, int], source: Path, frame: Path) -> list[str]:
    """FFmpeg's argv for one look: one frame of raw RGB of this size in the file `frame`.

    A keyframe lies before the moment that was sought, so its time is negative: only `-fps_mode passthrough` lets it out.
    """
    exact: Options = {"threads": 2}
    cheap: Options = {"noaccurate_seek": None, "skip_frame": "nokey", "threads": 1}
    one: Options = {"frames:v": 1, "fps_mode": "passthrough", "vf": rgb_filters(facts, *size), **PIXELS}
    return command(
        facts,
        source,
        [Target(path=frame, streams=["V:0"], options=one)],
        decoding={**input_colour(facts), **(exact if look.exact else cheap), "ss": f"{look.at_ms}ms"},
        overall={"v": "error", "filter_threads": 1},
    )
