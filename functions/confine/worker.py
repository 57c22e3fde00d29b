"""The warm image worker: a process with Pillow loaded that never reads a media's byte. For each file it forks; the fork confines itself,
calls one function of ours and is gone, so that nothing is kept from one file to the next. It costs a few milliseconds.

Requests and answers are JSON lines on standard input and output, one at a time; at the end of the input it ends, and its fork with it.
"""

import errno
import gc
import importlib
import json
import os
import select
import signal
import sys
import sysconfig
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from functions.confine import identity, layers
from functions.confine.quota import folder_bytes
from functions.errors import FunctionError
from functions.words import in_words

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = [
    *(str(_ROOT / package) for package in ("functions", "schemas")),
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
]
_MAX_ANSWER_BYTES = 1 << 20
_TICK_MS = 50


def main() -> None:
    preload = json.loads(sys.argv[1])
    namespaces = identity.new_namespaces()
    for module in ("PIL.Image", "PIL.ImageOps", *preload):
        with suppress(Exception):  # what is missing or broken speaks up when it is called
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # what is loaded stays in pages that the forks share
    for line in sys.stdin.buffer:
        request = json.loads(line)
        answer = {"id": request["id"], **_serve(request, namespaces)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _serve(request: dict[str, Any], namespaces: dict[str, bool]) -> dict[str, Any]:
    try:
        module, _, name = request["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
    except Exception:  # noqa: BLE001 - a broken module is that call's failure, not the worker's end
        return _failure("Infra", "The image worker has no such function.", traceback.format_exc())
    read_end, write_end = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(function, request, namespaces, parent, write_end)
    os.close(write_end)
    try:
        return _watch(child, read_end, request)
    finally:
        os.close(read_end)


def _child(function: Any, request: dict[str, Any], namespaces: dict[str, bool], parent: int, write_end: int) -> None:
    """In the fork: never returns."""
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.setpgid(0, 0)
        source, out, limits = request["source"], request["out"], request["limits"]
        layers.confine(
            read=[*_LIBRARIES, source],
            execute=[],
            write=[out],
            rlimits=limits["rlimits"],
            processes=limits["processes"],
            namespaces=namespaces,
            parent=parent,
            may_exec=False,
            required=request["required"],
        )
        answer = _call(function, request["arguments"], Path(source), Path(out), request["limits"])
    except BaseException:  # noqa: BLE001 - a confinement that failed
        answer = _failure("Infra", "The sandbox could not be set up.", traceback.format_exc())
    with suppress(BaseException), os.fdopen(write_end, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
    os._exit(0)


def _call(function: Any, arguments: dict[str, Any], source: Path, out: Path, limits: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": function(source, out, **arguments)}
    except FunctionError as exc:
        return _failure(type(exc).__name__, exc.message, exc.log_tail)
    except MemoryError:
        most = in_words(limits["rlimits"]["AS"])
        return _failure("LimitExceeded", f"The picture needs more memory than the {most} that are allowed.", None)
    except OSError as exc:
        if exc.errno in (errno.EFBIG, errno.EDQUOT):
            most = in_words(limits["rlimits"]["FSIZE"])
            return _failure("LimitExceeded", f"One file of the output is larger than the {most} that are allowed.", str(exc))
        return _failure("ToolFailed", "The picture could not be processed.", traceback.format_exc())
    except BaseException:  # noqa: BLE001 - whatever a decoder throws
        return _failure("ToolFailed", "The picture could not be processed.", traceback.format_exc())


def _watch(child: int, read_end: int, request: dict[str, Any]) -> dict[str, Any]:
    """Waits for the fork: to its end, its deadline, its quota, or the end of our input."""
    ends_at = time.monotonic() + request["deadline_s"]
    poller = select.poll()
    poller.register(read_end, select.POLLIN | select.POLLHUP)
    poller.register(0, select.POLLIN | select.POLLHUP)
    received = bytearray()
    verdict: dict[str, Any] | None = None
    while verdict is None:
        ready = dict(poller.poll(_TICK_MS))
        if 0 in ready:
            _kill(child)
            sys.exit(0)
        if read_end in ready:
            chunk = os.read(read_end, 65536)
            received += chunk
            if not chunk:
                break
        if len(received) > _MAX_ANSWER_BYTES:
            verdict = _failure("ToolFailed", "The image worker's answer is too long.", None)
        elif time.monotonic() > ends_at:
            verdict = _failure("TimedOut", f"The picture was not done within {request['deadline_s']:.0f} seconds.", None)
        elif (there := folder_bytes(request["out"])) > (most := request["limits"]["output_bytes"]):
            verdict = _failure("LimitExceeded", f"The output takes {in_words(there)} so far; at most {in_words(most)} are allowed.", None)
    if verdict is not None:
        _kill(child)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    _kill(child)  # what it may have left; until it is waited for, its group's number is nobody else's
    _, ended, usage = os.wait4(child, 0)
    status = os.waitstatus_to_exitcode(ended)
    if verdict is not None:
        return verdict
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        most_s = request["limits"]["rlimits"]["CPU"]
        spun = usage.ru_utime + usage.ru_stime > most_s - 1
        what = f"processor time than the {most_s} seconds that are allowed" if spun else "memory than the machine has for it"
        return _failure("LimitExceeded", f"The picture needs more {what}.", f"killed by signal {-status}")
    try:
        answer: dict[str, Any] = json.loads(received)
    except ValueError:
        return _failure("ToolFailed", "The decoder crashed.", f"exit status {status}")
    return answer


def _kill(child: int) -> None:
    """With all of its group, if it has got that far."""
    os.kill(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _failure(error: str, message: str, log: str | None) -> dict[str, Any]:
    return {"error": error, "message": message, "log_tail": log[-4000:] if log else None}
