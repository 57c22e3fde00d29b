"""The trial of the layers, in servers that fork: functions-framework's own loads its function first."""

import os
import signal
import time

import pytest

from functions.sandbox import active_layers, layers


def found_by_a_child(patience_s: float = 20) -> list[str] | None:
    """The layers that a child which is forked now finds to hold; None where it says nothing in time."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            held = [name for name, holds in active_layers().items() if holds]
            os.write(writing, " ".join(held).encode() + b"\n")
        finally:
            os._exit(0)
    os.close(writing)
    deadline_s = time.monotonic() + patience_s
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline_s:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.02)
    with os.fdopen(reading) as said:
        return said.read().split()


def held_here() -> list[str]:
    return [name for name, holds in active_layers().items() if holds]


@pytest.fixture
def untried() -> None:
    layers._trial.cache_clear()
    layers._tried.cache_clear()


def test_a_child_forked_while_another_tries_tries_for_itself(untried: None) -> None:
    layers._trial()
    with layers._one_at_a_time:  # as a thread of the parent's holds it while the trial runs
        found = found_by_a_child()
    assert found == held_here()  # and what the parent's trial says was not read by the child


def test_a_child_forked_after_the_trial_knows(untried: None) -> None:
    here = held_here()
    assert found_by_a_child() == here
