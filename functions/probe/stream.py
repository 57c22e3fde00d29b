"""Video and sound: one ffmpeg pass in the sandbox that copies every stream to nowhere and lists the packets."""

from pathlib import Path

from functions.errors import LimitExceeded
from functions.media.ffmpeg import ffmpeg, input_options
from functions.media.formats import MediaLimits
from functions.media.magic import Identity
from functions.probe.plan import judge_end
from functions.probe.report import Report
from functions.runtime.job import Job
from functions.sandbox import Limits, run_tool
from functions.sandbox.limits import MIB

_LIMITS = Limits(cpu_s=60, file_bytes=MIB, output_bytes=MIB)


def read_stream(job: Job, identity: Identity, limits: MediaLimits) -> Report:
    """What ffmpeg says of the job's original.

    Raises:
        FunctionError: it cannot be read, or breaks a limit.
    """
    assert identity.container
    report, lines = Report(), 0

    def take(line: str) -> bool:
        nonlocal lines
        lines += 1
        if lines > limits.max_packets:
            raise LimitExceeded(f"The file has more than {limits.max_packets} packets of picture and sound.")
        report.take_line(line)
        return True

    finished = run_tool(
        _argv(job.source, identity.container, limits),
        read=[job.source],
        write=job.out,
        limits=_LIMITS,
        deadline_s=job.deadline_s,
        on_line=take,
        stopped=job.stopped,
    )
    judge_end(identity, finished.returncode, finished.log_head)
    report.take_log(finished.log_head)
    return report


def _argv(source: Path, container: str, limits: MediaLimits) -> list[str]:
    copy = ("-map", "0:V?", "-map", "0:a?", "-c", "copy", "-f", "framecrc", "-")
    return [ffmpeg(), *input_options(container, limits), "-nostats", "-i", str(source), *copy]
