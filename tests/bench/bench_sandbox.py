"""What the sandbox costs a file, over a bare call of the same: interleaved, medians of wall time.

    python -m tests.bench.bench_sandbox [rounds]

Prints lines of a Markdown table. A program is `ffmpeg -version`, the least that it does: bare by subprocess, ours in a fresh confined
process. A picture's header and thumbnail are calls of our own functions: bare in this process, ours in a fork of the warm image worker.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from functions.media.ffmpeg import ffmpeg
from functions.probe.still import examine
from functions.sandbox import Limits, active_layers, call_worker, run_tool, warm_worker
from functions.thumbnail.render import render
from tests.media import still

EXAMINE, RENDER = "functions.probe.still:examine", "functions.thumbnail.render:render"
THUMBNAIL = {"container": "jpeg", "longest_edge_px": 320, "format": "webp"}


def line(what: str, bare: Callable[[], object], ours: Callable[[], object], rounds: int) -> str:
    """One line: both medians in ms, after one of each to warm up, and what ours costs more."""
    taken: dict[Callable[[], object], list[float]] = {bare: [], ours: []}
    for turn in range(rounds + 1):
        for work, times in taken.items():
            began = time.perf_counter()
            work()
            if turn:
                times.append(1000 * (time.perf_counter() - began))
    bare_ms, ours_ms = (statistics.median(times) for times in taken.values())
    return f"| {what} | {bare_ms:.1f} | {ours_ms:.1f} | +{ours_ms - bare_ms:.1f} |"


def main(rounds: int = 21) -> None:
    """Prints the table."""
    print(f"Layers: {', '.join(name for name, held in active_layers().items() if held)}.\n")
    print("| the sandbox, a file | bare ms | ours ms | cost ms |\n| --- | --- | --- | --- |")
    warm_worker("functions.probe.still", "functions.thumbnail.render")
    argv = [ffmpeg(), "-version"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chmod(folder, 0o711)
        small, large = still(folder / "small.jpg"), still(folder / "large.jpg", (4000, 3000))

        def program() -> object:
            return run_tool(argv, read=[], write=folder, limits=Limits(), deadline_s=60)

        def header() -> object:
            return call_worker(EXAMINE, {"container": "jpeg"}, source=small, out=folder, deadline_s=60)

        def thumbnail() -> object:
            return call_worker(RENDER, THUMBNAIL, source=large, out=folder, deadline_s=60)

        print(line("a program, fresh", lambda: subprocess.run(argv, capture_output=True, check=True), program, rounds), flush=True)
        print(line("a picture's facts, warm", lambda: examine(small, folder, container="jpeg"), header, rounds), flush=True)
        print(line("a thumbnail of 12 megapixels, warm", lambda: render(large, folder, **THUMBNAIL), thumbnail, rounds), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
