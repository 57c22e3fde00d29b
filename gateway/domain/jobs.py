"""A job's state out of its tasks' states."""

from collections.abc import Collection

from gateway.domain.states import LIVE_TASKS, TaskState


def job_state(tasks: Collection[TaskState], *, started: bool) -> TaskState:
    """The one state that stands for all.

    Args:
        tasks: the states of the job's tasks, at least one.
        started: has any of them ever been started?
    """
    states = set(tasks)
    if states & LIVE_TASKS:
        return TaskState.RUNNING if started or states - {TaskState.QUEUED} else TaskState.QUEUED
    if TaskState.CANCELLED in states:
        return TaskState.CANCELLED
    if TaskState.FAILED in states:
        return TaskState.FAILED
    return TaskState.DONE
