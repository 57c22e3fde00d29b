"""What the wrapper costs: our transcode against the bare ffmpeg command with the same options, interleaved, medians of several.

    python -m tests.bench.bench_transcode [rounds]

Prints one line of a Markdown table: what was done, seconds bare, seconds ours, the ratio of wall times (bar: 1.03) and its spread, the
ratio of processor times, which a busy machine disturbs less.
The bare command neither looks at the first frames, nor lists packets, nor runs in the sandbox, nor reads its result again.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.runtime.job import Job
from functions.transcode.look import Look
from functions.transcode.plan import rendering, rendition_size
from functions.transcode.transcode import transcode
from schemas.facts import Kind, MediaFacts
from schemas.parameters import TranscodeParameters
from tests.media import ffmpeg

BAR = 1.03
SHORT_SIDE_PX = 480
SECONDS, RATE = 20, 30


def source_clip(folder: Path) -> tuple[Path, MediaFacts]:
    """20 s of 1080p with motion and grain, and stereo sound."""
    source = folder / "source"
    picture = f"testsrc2=s=1920x1080:r={RATE}:d={SECONDS},noise=alls=8:allf=t,format=yuv420p"
    sound = f"sine=440:d={SECONDS}"
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M", "-c:a", "aac", "-ac", "2", "-f", "mp4")
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *codecs, source)
    facts = MediaFacts(
        kind=Kind.VIDEO,
        container="mp4",
        width_px=1920,
        height_px=1080,
        duration_ms=SECONDS * 1000,
        frame_rate=RATE,
        frames=SECONDS * RATE,
        video_codec="h264",
        audio_codec="aac",
        sha256="0" * 64,
        bytes=source.stat().st_size,
    )
    return source, facts


def bare_command(source: Path, facts: MediaFacts, folder: Path) -> list[str]:
    """Ours without its second output, the listing."""
    argv = rendering(
        facts=facts,
        look=Look(width_px=1920, height_px=1080),
        size_px=rendition_size(1920, 1080, SHORT_SIDE_PX),
        source=source,
        target=folder / "bare.mp4",
        listing=folder / "packets.txt",
        threads=_threads(),
        max_bytes=1 << 31,
    )
    return [*argv[: argv.index(str(folder / "bare.mp4")) + 1], "-nostdin", "-loglevel", "error", "-filter_threads", str(_threads()), "-y"]


def _threads() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, kw_only=True)
class Cost:
    wall_s: float
    cpu_s: float


def cost_of(work: Callable[[], object]) -> Cost:
    """One run's wall time, and the processor time of this process and the children that ended in it."""
    began, cpu = time.perf_counter(), _cpu_s()
    work()
    return Cost(wall_s=time.perf_counter() - began, cpu_s=_cpu_s() - cpu)


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run_bare(argv: Sequence[str]) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_ours(source: Path, facts: MediaFacts, folder: Path) -> None:
    out = folder / "out"
    out.mkdir()
    job = Job(
        operation="transcode",
        parameters=TranscodeParameters(short_side_px=SHORT_SIDE_PX),
        facts=facts,
        source=source,
        filename="bench.mp4",
        out=out,
        deadline_s=600,
        progress=lambda _done: None,
        stopped=lambda: False,
    )
    transcode(job)
    shutil.rmtree(out)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source, facts = source_clip(folder)
        argv = bare_command(source, facts, folder)
        works = {"bare": lambda: run_bare(argv), "ours": lambda: run_ours(source, facts, folder)}
        works["bare"]()  # the page cache, and the binary
        costs: dict[str, list[Cost]] = {"bare": [], "ours": []}
        for number in range(rounds):
            for name in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
                costs[name].append(cost_of(works[name]))
    pairs = list(zip(costs["bare"], costs["ours"], strict=True))
    walls = sorted(ours.wall_s / bare.wall_s for bare, ours in pairs)
    cpu = statistics.median(ours.cpu_s / bare.cpu_s for bare, ours in pairs)
    bare_s, ours_s = (statistics.median(cost.wall_s for cost in costs[name]) for name in ("bare", "ours"))
    wall = f"{statistics.median(walls):.3f} | {walls[0]:.3f} to {walls[-1]:.3f} | bar {BAR}"
    print(f"| transcode, {SECONDS} s of 1080p to {SHORT_SIDE_PX}p | {bare_s:.2f} s | {ours_s:.2f} s | {wall} | cpu {cpu:.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
