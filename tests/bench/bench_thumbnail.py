"""What a thumbnail costs: our stills against pyvips in process, our poster against ffmpeg alone, interleaved, medians of several.

    python -m tests.bench.bench_thumbnail [rounds]

Prints lines of a Markdown table: what was done, milliseconds of the bare tool, ours, the ratio and its bar. Stills are processor time,
theirs shrink-on-load to WebP of the same quality, one thread each; their PSNR is against a full decode and Lanczos. Posters are wall time,
bare being `ffmpeg -ss … -i` to a picture of the same size, ours with seeking, sandbox, image worker and all.
"""

import os

os.environ["VIPS_CONCURRENCY"] = "1"  # read when the library loads

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from math import log10
from pathlib import Path

import pyvips
from PIL import Image, ImageChops, ImageStat

from functions.media.develop import develop
from functions.media.ffmpeg import ffmpeg as ffmpeg_path
from functions.media.stills import open_still
from functions.runtime.job import Job
from functions.sandbox import warm_worker
from functions.thumbnail.plan import fit_within
from functions.thumbnail.render import render
from functions.thumbnail.work import thumbnail
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ThumbnailParameters
from tests.media import ffmpeg

STILLS = [((4000, 3000), 320, 1.1), ((6000, 4000), 320, 1.1), ((4000, 3000), 1280, 1.1), ((6000, 4000), 1280, 1.5)]
"""Size of a JPEG, longest edge of its thumbnail, bar."""
POSTER_BAR = 0.6
PHOTOGRAPH = Path(__file__).parents[2] / "sample_data" / "china.jpg"


def compared(theirs: Callable[[], object], ours: Callable[[], object], clock: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Median seconds of each, taken in turns after one of each to warm up."""
    times: dict[Callable[[], object], list[float]] = {theirs: [], ours: []}
    for turn in range(rounds + 1):
        for work, taken in times.items():
            began = clock()
            work()
            if turn:
                taken.append(clock() - began)
    return statistics.median(times[theirs]), statistics.median(times[ours])


def line(what: str, theirs_s: float, ours_s: float, bar: float, more: str = "") -> str:
    """One line of the table."""
    return f"| {what} | {1000 * theirs_s:.0f} | {1000 * ours_s:.0f} | {ours_s / theirs_s:.2f} | {bar:.2f} | {more} |"


def still_line(folder: Path, size_px: tuple[int, int], longest_edge_px: int, bar: float, rounds: int) -> str:
    """One JPEG's thumbnail, by pyvips and by us."""
    source = folder / f"{size_px[0]}.jpg"
    if not source.exists():
        Image.open(PHOTOGRAPH).resize(size_px, Image.Resampling.BICUBIC).save(source, quality=92)

    def theirs() -> None:
        picture = pyvips.Image.thumbnail(str(source), longest_edge_px, height=longest_edge_px, size="down")
        picture.webpsave(str(folder / "theirs.webp"), Q=80, keep="none")

    ours = partial(render, source, folder, container="jpeg", longest_edge_px=longest_edge_px, format="webp")
    fit = partial(fit_within, longest_edge_px=longest_edge_px)
    with open_still(source, "jpeg") as image:
        fast = develop(image, fit)
    with Image.open(source) as image:
        squares = ImageStat.Stat(ImageChops.difference(fast, image.resize(fast.size, Image.Resampling.LANCZOS))).sum2
    decibel = 10 * log10(255**2 / (sum(squares) / (3 * fast.width * fast.height)))
    what = f"JPEG {size_px[0]} × {size_px[1]} → {longest_edge_px}"
    return line(what, *compared(theirs, ours, time.process_time, rounds), bar, f"{decibel:.1f} dB")


def poster_line(folder: Path, rounds: int) -> str:
    """The poster of 20 s of 1080p with a keyframe every 10 s, by ffmpeg and by us, at the same place."""
    source = folder / "clip.mp4"
    picture = "testsrc2=s=1920x1080:r=30:d=20,noise=alls=8:allf=t,format=yuv420p"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", "-g", "300", "-b:v", "8M", source)
    known = {
        "width_px": 1920,
        "height_px": 1080,
        "duration_ms": 20_000,
        "frames": 600,
        "video_codec": "h264",
        "sha256": "0" * 64,
        "bytes": 1,
    }
    facts = MediaFacts.model_validate({"kind": Kind.VIDEO, "container": "mp4", **known})
    bare = [
        ffmpeg_path(),
        "-v",
        "error",
        "-ss",
        "4",
        "-i",
        str(source),
        "-frames:v",
        "1",
        "-vf",
        "scale=320:-2",
        "-y",
        str(folder / "bare.jpg"),
    ]

    def ours() -> None:
        with tempfile.TemporaryDirectory() as out:
            job = Job(
                operation="thumbnail",
                parameters=ThumbnailParameters(),
                facts=facts,
                source=source,
                filename="clip.mp4",
                out=Path(out),
                deadline_s=60,
                progress=lambda _: None,
                stopped=lambda: False,
            )
            thumbnail(job)

    warm_worker("functions.thumbnail.render")
    return line("poster of 1080p, 320 px", *compared(lambda: subprocess.run(bare, check=True), ours, time.perf_counter, rounds), POSTER_BAR)


def main(rounds: int = 7) -> None:
    """Prints the table."""
    print("| thumbnail | bare ms | ours ms | ratio | bar | |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        for size_px, longest_edge_px, bar in STILLS:
            print(still_line(Path(name), size_px, longest_edge_px, bar, rounds), flush=True)
        print(poster_line(Path(name), rounds), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
