"""The warm image worker, one a server process: functions of ours that decode stills, called outside the server.

Started early by `warm_worker`, else by the first call; one file at a time. `functions.confine.worker` is its other side.
"""

import itertools
import json
import select
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from functions.errors import BY_NAME, Infra, TimedOut
from functions.sandbox.child import kill_group, required, start
from functions.sandbox.limits import IMAGE_LIMITS, Limits

_GRACE_S = 2.0  # the worker keeps the deadline itself; this is for a worker that does not answer
_START_S = 20.0  # for one that is still starting


class _Dead(Exception):
    """The worker is not there any more."""


class ImageWorker:
    """One worker process and the way to it. Safe for use by many threads: they wait for one another."""

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = False

    def warm(self, preload: Sequence[str]) -> None:
        """Starts the process and does not wait for it."""
        with self._lock:
            self._preload = tuple(dict.fromkeys((*self._preload, *preload)))
            if self._process is None:
                self._start()

    def call(self, request: Mapping[str, Any], *, deadline_s: float) -> dict[str, Any]:
        """One request's answer.

        Raises:
            TimedOut: other files, or this one, took all of the time.
            Infra: the worker died twice.
        """
        ends_at = time.monotonic() + deadline_s
        if not self._lock.acquire(timeout=deadline_s):
            raise TimedOut("The image worker was busy until the deadline.")
        try:
            for _ in range(2):
                left_s = ends_at - time.monotonic()
                try:
                    return self._exchange({**request, "id": next(self._ids), "deadline_s": left_s}, left_s)
                except _Dead:
                    self.close()
            raise Infra("The image worker died.")
        except TimedOut:
            self.close()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Ends the process; the next call starts another."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(BrokenPipeError):
                        pipe.close()
            kill_group(process)

    def _start(self) -> subprocess.Popen[bytes]:
        self._process, self._answered = start("worker", json.dumps(self._preload), bare=False, stdin=subprocess.PIPE), False
        return self._process

    def _exchange(self, request: Mapping[str, Any], left_s: float) -> dict[str, Any]:
        process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError as exc:
            raise _Dead from exc
        patience_s = left_s + _GRACE_S + (0 if self._answered else _START_S)
        while True:
            if not select.select([process.stdout], [], [], patience_s)[0]:
                raise TimedOut("The image worker did not answer before the deadline.")
            line = process.stdout.readline()
            if not line:
                raise _Dead
            answer: dict[str, Any] = json.loads(line)
            self._answered = True
            if answer.pop("id") == request["id"]:  # else: the answer to a request that a server before us gave up
                return answer


_worker = ImageWorker()


def warm_worker(*modules: str) -> None:
    """Starts the image worker in the background with these modules of ours loaded."""
    _worker.warm(modules)


def call_worker(
    function: str, arguments: Mapping[str, Any], *, source: Path, out: Path, deadline_s: float, limits: Limits = IMAGE_LIMITS
) -> dict[str, Any]:
    """Calls `function(source, out, **arguments)` in a confined process of its own that has Pillow loaded.

    Args:
        function: `functions.thumbnail.render:render`; it returns what JSON can say.
        source: the file that it may read.
        out: the folder that it may write in.
        deadline_s: seconds from now, waiting for the worker included.

    Raises:
        FunctionError: the same that the function raised; LimitExceeded where memory, processor time or space ran out; ToolFailed where it
            crashed or raised anything else.
        TimedOut: no answer before the deadline.
        Infra: the worker could not be started, or died twice.
    """
    request = {
        "function": function,
        "arguments": dict(arguments),
        "source": str(source.absolute()),
        "out": str(out.absolute()),
        "limits": {"rlimits": limits.rlimits(), "processes": limits.processes, "output_bytes": limits.output_bytes},
        "required": required(),
    }
    answer = _worker.call(request, deadline_s=deadline_s)
    if "error" in answer:
        raise BY_NAME[answer["error"]](answer["message"], log_tail=answer["log_tail"])
    result: dict[str, Any] = answer["result"]
    return result
