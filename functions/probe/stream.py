"""Video and sound: one ffmpeg pass in the sandbox that copies every stream to nowhere and lists the packets."""

from pathlib import Path

from functions.errors import LimitExceeded
from functions.media.ffmpeg import Target, command
from functions.media.formats import MediaLimits
from functions.media.magic import Identity
from functions.media.timeline import LISTING, Timeline
from functions.probe.plan import judge_end
from functions.probe.report import Description, read_description
from functions.runtime.job import Job
from functions.sandbox import Limits, run_tool
from functions.sandbox.limits import MIB

_LIMITS = Limits(cpu_s=60, file_bytes=MIB, output_bytes=MIB)
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
    judge_end(identity, finished.returncode, finished.log_head)
    return timeline, read_description(finished.log_head)


def _argv(source: Path, container: str, limits: MediaLimits) -> list[str]:
    listing = Target(path="-", streams=["V?", "a?"], options=LISTING)  # V: no attached pictures
    return command(container, source, [listing], overall={"nostats": None}, limits=limits)
