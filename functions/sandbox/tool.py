"""Running a program on hostile bytes: a fresh process, confined, watched to its end."""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.confine.launch import FAILED
from functions.confine.quota import folder_bytes
from functions.errors import Infra, LimitExceeded, Stopped, TimedOut
from functions.sandbox.child import kill_group, loaders, paths, required, start
from functions.sandbox.limits import MIB, Limits
from functions.words import in_words

_TICK_S = 0.05
_QUOTA_EVERY_S = 0.2
_MAX_STDOUT_BYTES = 32 * MIB
_HEAD_BYTES = 1 * MIB
_TAIL_CHARS = 4000
_MAX_LINE_BYTES = 64 * 1024
_NO_MEMORY = "Cannot allocate memory"  # ffmpeg's words for ENOMEM …
_TOO_MANY_STREAMS = "exceeds max_streams"  # … which it also says of this limit: for its caller to judge

OnLine = Callable[[str], bool | None]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A program that ended by itself.

    Attributes:
        returncode: minus the signal if it crashed.
        stdout: its first 32 MiB, empty with `on_line`.
        log_head: the first MiB of standard error.
        log_tail: its last 4,000 characters.
        seconds: wall time from start to end.
    """

    returncode: int
    stdout: bytes
    log_head: str
    log_tail: str
    seconds: float


def run_tool(
    argv: Sequence[str],
    *,
    read: Sequence[Path],
    write: Path,
    limits: Limits,
    deadline_s: float,
    silence_s: float | None = None,
    on_line: OnLine | None = None,
    stopped: Callable[[], bool] | None = None,
) -> Finished:
    """Runs one program to its end. It sees its own binary, system libraries, `read`, and may write in `write`, its working directory.

    Args:
        argv: the program by its absolute path, and its arguments.
        read: files, or folders with what is in them.
        write: the one folder that it may write in.
        deadline_s: seconds from now.
        silence_s: at most so many seconds without a line that `on_line` counts as progress.
        on_line: gets each line of standard output; True means progress.
        stopped: asked about twenty times a second; True ends the program.

    Raises:
        TimedOut: the deadline passed, or it fell silent.
        LimitExceeded: it met a limit of memory, processor time or space.
        Stopped: `stopped` said so.
        Infra: the sandbox could not be set up.
    """
    plan = {
        "argv": list(argv),
        "read": paths(read),
        "execute": [os.path.realpath(argv[0]), *loaders()],
        "write": paths([write]),
        "rlimits": limits.rlimits(),
        "processes": limits.processes,
        "parent": os.getpid(),
        "required": required(),
    }
    began = time.monotonic()
    process = start("launch", json.dumps(plan), bare=True, stderr=subprocess.PIPE, cwd=write)
    try:
        watch = _Watch(
            process=process, write=write, limits=limits, deadline_s=deadline_s, silence_s=silence_s, on_line=on_line, stopped=stopped
        )
        watch.run()
        returncode = process.wait()
    finally:
        kill_group(process)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    log_tail = watch.tail.decode(errors="replace")[-_TAIL_CHARS:]
    _judge(returncode, log_tail, limits, watch.cpu_s)
    log_head = watch.head.decode(errors="replace")
    seconds = time.monotonic() - began
    return Finished(returncode=returncode, stdout=bytes(watch.stdout), log_head=log_head, log_tail=log_tail, seconds=seconds)


def _judge(returncode: int, log_tail: str, limits: Limits, cpu_s: float) -> None:
    if returncode == FAILED and log_tail.startswith("sandbox: "):
        raise Infra("The sandbox could not be set up.", log_tail=log_tail)
    is_killed = returncode == -signal.SIGKILL  # by the kernel: nobody else kills a child and goes on
    if returncode == -signal.SIGXCPU or (is_killed and cpu_s > limits.cpu_s - 1):
        raise LimitExceeded(f"The media needs more processor time than the {limits.cpu_s} seconds that are allowed.", log_tail=log_tail)
    if returncode == -signal.SIGXFSZ:
        raise LimitExceeded(f"One file of the output is larger than the {in_words(limits.file_bytes)} that are allowed.", log_tail=log_tail)
    if is_killed:
        raise LimitExceeded("The media needs more memory than the machine has for it.", log_tail=log_tail)
    if returncode != 0 and _NO_MEMORY in log_tail and _TOO_MANY_STREAMS not in log_tail:
        most = in_words(limits.address_space_bytes)
        raise LimitExceeded(f"The media needs more memory than the {most} that are allowed.", log_tail=log_tail)


class _Watch:
    """Reads a process's two pipes until both end, and kills its group when a bound is met."""

    def __init__(
        self,
        *,
        process: subprocess.Popen[bytes],
        write: Path,
        limits: Limits,
        deadline_s: float,
        silence_s: float | None,
        on_line: OnLine | None,
        stopped: Callable[[], bool] | None,
    ) -> None:
        self.process, self.write, self.limits = process, str(write), limits
        self.deadline_s, self.silence_s, self.on_line, self.stopped = deadline_s, silence_s, on_line, stopped
        self.stdout, self.head, self.tail, self._line = bytearray(), bytearray(), bytearray(), bytearray()
        self.cpu_s = 0.0
        self._began = self._progressed_at = self._measured_at = time.monotonic()

    def run(self) -> None:
        assert self.process.stdout
        assert self.process.stderr
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ, self._take_stdout)
            selector.register(self.process.stderr, selectors.EVENT_READ, self._take_stderr)
            while selector.get_map():
                for key, _ in selector.select(_TICK_S):
                    chunk = os.read(key.fd, 65536)
                    if chunk:
                        key.data(chunk)
                    else:
                        selector.unregister(key.fileobj)
                self._check()
        while not self._has_ended():  # it closed its pipes and lives on
            self._check()
            time.sleep(_TICK_S)
        self._check_output()

    def _has_ended(self) -> bool:
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if pid:
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_s = usage.ru_utime + usage.ru_stime
        return bool(pid)

    def _take_stdout(self, chunk: bytes) -> None:
        if self.on_line is None:
            self.stdout += chunk[: max(0, _MAX_STDOUT_BYTES - len(self.stdout))]
            return
        *lines, rest = (bytes(self._line) + chunk).split(b"\n")
        self._line = bytearray(rest[-_MAX_LINE_BYTES:])
        for line in lines:
            if self.on_line(line.decode(errors="replace")):
                self._progressed_at = time.monotonic()

    def _take_stderr(self, chunk: bytes) -> None:
        self.head += chunk[: max(0, _HEAD_BYTES - len(self.head))]
        self.tail += chunk
        del self.tail[: -4 * _TAIL_CHARS]

    def _check(self) -> None:
        now = time.monotonic()
        if self.stopped and self.stopped():
            raise Stopped
        if now - self._began > self.deadline_s:
            raise TimedOut(f"The work did not end within {self.deadline_s:.0f} seconds.", log_tail=self._log())
        if self.silence_s is not None and now - self._progressed_at > self.silence_s:
            raise TimedOut(f"The work made no progress for {self.silence_s:.0f} seconds.", log_tail=self._log())
        if now - self._measured_at > _QUOTA_EVERY_S:
            self._measured_at = now
            self._check_output()

    def _check_output(self) -> None:
        there = folder_bytes(self.write)
        if there > self.limits.output_bytes:
            most = in_words(self.limits.output_bytes)
            raise LimitExceeded(f"The output takes {in_words(there)} so far; at most {most} are allowed.", log_tail=self._log())

    def _log(self) -> str:
        return self.tail.decode(errors="replace")[-_TAIL_CHARS:]
