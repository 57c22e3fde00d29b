"""Makes the rendition: looks at the first frames, runs the plan in the sandbox, holds the result against the source.

One reading of the source serves both the encoder and the count of its packets, so certainty costs almost nothing.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from functions.errors import BadInput, Unsupported
from functions.media.ffmpeg import Target, command
from functions.media.formats import MediaLimits
from functions.media.timeline import LISTING, Timeline
from functions.media.whole import is_cut_short
from functions.runtime.job import Job, Outcome, Output
from functions.sandbox import Finished, Limits, run_tool
from functions.sandbox.limits import GIB
from functions.transcode.look import Look, look_command, read_look
from functions.transcode.plan import is_thinned, rendering, rendition_size
from functions.transcode.progress import Progress
from functions.transcode.verdict import check_bounds, check_made, check_source, explain, read_decoded
from schemas.facts import Kind
from schemas.parameters import TranscodeParameters

SILENCE_S: Final = 30.0
LOOK_S: Final = 60.0
"""For the look at the first frames, which reports nothing on the way: it takes a second."""
_DURATION: Final = re.compile(r"Duration: (\d+):(\d+):(\d+\.\d+),")
_MAX_THREADS: Final = 8  # each holds frames: 8 of 4K stay under 4 GiB


def transcode(job: Job) -> Outcome:
    """One MP4, `video.mp4`, with the size and length that it has.

    Raises:
        BadInput: the media is cut short or damaged, so that frames or sound would be missing.
        Unsupported: it has no picture, or one that is not taken.
        LimitExceeded: it is longer than it says, or its rendition larger than MEDIA_MAX_RENDITION_BYTES.
        ToolFailed: ffmpeg failed, or lost something, for no known reason.
        TimedOut: the deadline passed, 60 seconds went without a first look, or 30 without progress.
        Stopped: the gateway said stop.
    """
    return _Run(job).outcome()


class _Run:
    """One job's deadline, threads and files."""

    def __init__(self, job: Job) -> None:
        if job.facts is None or job.facts.kind is not Kind.VIDEO or not job.facts.width_px or not job.facts.height_px:
            raise Unsupported("There is no moving picture in this media.")
        assert isinstance(job.parameters, TranscodeParameters)
        self.job, self.facts = job, job.facts
        self.size_px = rendition_size(job.facts.width_px, job.facts.height_px, job.parameters.short_side_px)
        self.max_bytes = MediaLimits.from_environment().max_rendition_bytes
        self.ends_at = time.monotonic() + job.deadline_s
        self.threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)))
        self.target, self.listing = job.out / "video.mp4", job.out / "packets.txt"

    def outcome(self) -> Outcome:
        if is_cut_short(self.job.source, self.facts.container):
            raise BadInput("The media is cut short: the file ends before its container does.")
        look = self._look()
        argv = rendering(
            facts=self.facts,
            look=look,
            size_px=self.size_px,
            source=self.job.source,
            target=self.target,
            listing=self.listing,
            threads=self.threads,
            max_bytes=self.max_bytes,
        )
        finished = self._run(argv, Progress(self.facts, self.job.progress).line)
        made, duration_ms = self._verified(look, finished)
        video = made.first("video")
        assert video is not None  # by check_made
        output = Output(
            path=self.target,
            content_type="video/mp4",
            width_px=video.width_px,
            height_px=video.height_px,
            duration_ms=duration_ms,
        )
        return Outcome(outputs=(output,))

    def _look(self) -> Look:
        finished = self._run(look_command(self.job.source, self.facts.container, threads=self.threads), longest_s=LOOK_S)
        look = read_look(finished.log_tail)
        if look is None:
            raise BadInput("No frame of this media can be decoded.", log_tail=finished.log_tail)
        return look

    def _verified(self, look: Look, finished: Finished) -> tuple[Timeline, int]:
        """The rendition's timeline and length in ms, once everything is known to be in it."""
        log_tail = finished.log_tail
        with self.listing.open(encoding="ascii", errors="replace") as lines:
            source = Timeline.of(lines)
        self.listing.unlink()
        check_bounds(self.facts, source.seconds, self.target.stat().st_size, self.max_bytes, log_tail=log_tail)
        decoded = read_decoded(log_tail)
        check_source(self.facts, source, decoded, interlaced=look.interlaced, log_tail=log_tail)
        made, duration_ms = self._made()
        check_made(source, made, decoded, thinned=is_thinned(self.facts), log_tail=log_tail)
        return made, duration_ms

    def _made(self) -> tuple[Timeline, int]:
        timeline = Timeline()

        def take(line: str) -> bool:
            timeline.line(line)
            return True

        finished = self._run(command("mp4", self.target, [Target(path="-", streams=["V:0", "a:0?"], options=LISTING)]), take)
        # The header knows best: packets of MP4 have durations in decoding order, wrong for the last one shown.
        hours, minutes, seconds = _DURATION.findall(finished.log_tail)[-1]
        return timeline, (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)

    def _run(self, argv: Sequence[str], progressed: Callable[[str], bool] | None = None, *, longest_s: float = inf) -> Finished:
        """Runs ffmpeg to its end; an exit status other than 0 becomes its error. Where it reports progress, silence ends it too."""
        finished = run_tool(
            argv,
            read=[self.job.source, self.target] if self.target.exists() else [self.job.source],
            write=self.job.out,
            limits=Limits(
                memory_factor=2,  # a decoder and an encoder, with frames in each of their threads
                cpu_s=60 + round(self.job.deadline_s) * self.threads,
                file_bytes=self.max_bytes + GIB,  # ffmpeg stops before; the index and the listing come on top
                output_bytes=self.max_bytes + 2 * GIB,
            ),
            deadline_s=min(longest_s, max(0.0, self.ends_at - time.monotonic())),
            silence_s=SILENCE_S if progressed else None,
            on_line=progressed,
            stopped=self.job.stopped,
        )
        if finished.returncode != 0:
            raise explain(finished.log_tail)
        return finished
