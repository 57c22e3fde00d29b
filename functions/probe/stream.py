"""Video and sound: one ffmpeg pass in the sandbox that copies every stream to nowhere and lists the packets."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from functions.errors import FunctionError, LimitExceeded
from functions.media.ffmpeg import Options, Target, command
from functions.media.formats import MediaLimits
from functions.media.magic import Identity
from functions.media.timeline import LISTING, Timeline
from functions.probe.plan import has_too_many_streams, judge_end, too_many_streams
from functions.probe.report import Description, read_description
from functions.runtime.job import Job
from functions.sandbox import Limits, run_tool
from functions.sandbox.limits import MIB

_LIMITS = Limits(cpu_s=60, file_bytes=MIB, output_bytes=MIB)
_COUNTED, _COUNTING_S = 1000, 5.0  # streams of a file that has too many
SILENCE_S = 15.0  # half of its deadline; ffmpeg gives each packet away at once


def read_stream(job: Job, identity: Identity, limits: MediaLimits) -> tuple[Timeline, Description]:
    """Every packet's time, and what ffmpeg says of the job's original.

    Raises:
        FunctionError: it cannot be read, or breaks a limit.
        TimedOut: the deadline passed, or `SILENCE_S` went without a packet.
    """
    assert identity.container
    timeline, lines = Timeline(), 0

    def take(line: str) -> bool:
        nonlocal lines
        lines += 1
        if lines > limits.max_packets:
            raise LimitExceeded(f"The file has more than {limits.max_packets} packets of picture and sound.")
        timeline.line(line)
        return True

    finished = run_tool(
        _argv(job.source, identity.container, limits),
        read=[job.source],
        write=job.out,
        limits=_LIMITS,
        deadline_s=job.deadline_s,
        silence_s=SILENCE_S,
        on_line=take,
        stopped=job.stopped,
    )
    if has_too_many_streams(finished.log_head):
        raise too_many_streams(identity, _streams(job, identity.container, limits), limits.max_streams)
    judge_end(identity, finished.returncode, finished.log_head)
    return timeline, read_description(finished.log_head)


def _streams(job: Job, container: str, limits: MediaLimits) -> int | None:
    """How many streams there are, for the sentence that refuses them: a thousand at most, described, not read. None if nobody can say."""
    wider = replace(limits, max_streams=max(_COUNTED, limits.max_streams))
    with suppress(FunctionError):
        argv = _argv(job.source, container, wider, {"t": 0})
        seen = run_tool(argv, read=[job.source], write=job.out, limits=_LIMITS, deadline_s=_COUNTING_S, stopped=job.stopped)
        return len(read_description(seen.log_head).streams) or None
    return None


def _argv(source: Path, container: str, limits: MediaLimits, more: Options = MappingProxyType({})) -> list[str]:
    listing = Target(path="-", streams=["V?", "a?"], options={**LISTING, **more})  # V: no attached pictures
    return command(container, source, [listing], overall={"nostats": None}, limits=limits)
