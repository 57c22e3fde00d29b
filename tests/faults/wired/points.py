"""Failpoints: places in the real code where a test may have this process die, stop or wait. Test wiring: no product setting leads here.

A point is armed by a file of its name in the folder that POINTS names, holding what is to happen: `kill` (the whole process group, as a
container dies; `kill 0.5`: after so many seconds), `stop` (SIGSTOP), `fail` (an OSError) or `wait 5`. The file is renamed to `name.hit` as
it happens: once, in one process.
"""

import functools
import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def reached(point: str) -> None:
    """This process is at `point`; what is armed there happens now."""
    armed = Path(os.environ["POINTS"]) / point
    try:
        action, _, argument = armed.read_text().partition(" ")
        armed.rename(armed.with_suffix(".hit"))
    except FileNotFoundError:
        return
    if action == "wait":
        time.sleep(float(argument))
    elif action == "fail":
        raise OSError(f"failpoint {point}")
    elif action == "stop":
        os.killpg(os.getpgid(0), signal.SIGSTOP)
    else:
        time.sleep(float(argument or 0))
        os.killpg(os.getpgid(0), signal.SIGKILL)
        time.sleep(60)  # the signal is on its way


def around(owner: Any, name: str, *, before: str | None = None, after: str | None = None) -> None:
    """Replaces `owner.name` by itself between two points."""
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def wired(*args: Any, **named: Any) -> Any:
        if before is not None:
            reached(before)
        result = real(*args, **named)
        if after is not None:
            reached(after)
        return result

    setattr(owner, name, wired)


def tenfold(owner: Any, name: str) -> None:
    """While the file `tenfold` is there (it holds a seed), `owner.name` runs ten times at once, each after a short random wait."""
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def wired(*args: Any, **named: Any) -> Any:
        try:
            chance = random.Random((Path(os.environ["POINTS"]) / "tenfold").read_text() + repr([getattr(one, "id", None) for one in args]))
        except FileNotFoundError:
            return real(*args, **named)
        with ThreadPoolExecutor(10) as pool:
            copies = [pool.submit(_late, chance.uniform(0, 0.3), real, *args, **named) for _ in range(10)]
        return next(copy.result() for copy in copies)

    setattr(owner, name, wired)


def _late(wait_s: float, real: Callable[..., Any], *args: Any, **named: Any) -> Any:
    time.sleep(wait_s)
    return real(*args, **named)
