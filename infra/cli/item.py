"""One file or job that a person waits for: how far it is, and what to say about it. Pure; asking the gateway is `following`'s.

The words may hold whatever file names and messages hold: who shows them sends them through `documents.plain`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.cli.client import ENDED, JUDGED
from infra.cli.documents import Document, media_in_words, task_labels
from infra.cli.errors import OK, REFUSED, UNREACHABLE, WORK_FAILED


@dataclass(frozen=True, kw_only=True)
class Item:
    """What is known of one file.

    `error` and `exit_code` are set where it never came to a job; `unfit` says which operations could not be part of the job, and why.
    """

    name: str
    sent: float = 0.0  # part of the file that has gone, 0 to 1
    media: Document | None = None
    job: Document | None = None
    error: str | None = None
    unfit: tuple[str, ...] = ()
    exit_code: int = OK

    @property
    def judged(self) -> bool:
        """The media's state will stay; or it was deleted under its job."""
        return self.media["state"] in JUDGED if self.media is not None else self.job is not None

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.error is not None or (self.judged and self.job is not None and self.job["state"] in ENDED)

    @property
    def good(self) -> bool:
        return self.error is None and not self.unfit and self.job is not None and self.job["state"] == "done"

    @property
    def progress(self) -> float:
        """Of the sending until there is a job, then of the job's tasks, 0 to 1."""
        if self.job is None:
            return self.sent
        tasks = self.job["tasks"]
        return 1.0 if self.ended else sum(_part(task) for task in tasks) / max(1, len(tasks))


def _part(task: Document) -> float:
    return 1.0 if task["state"] in ENDED else float(task["progress"] or 0.0)


def exit_code(items: Sequence[Item]) -> int:
    """3 where the gateway was lost on the way, 4 where it took none of them, 1 where some did not end well, else 0."""
    if any(item.exit_code == UNREACHABLE for item in items):
        return UNREACHABLE
    if items and all(item.exit_code == REFUSED for item in items):
        return REFUSED
    failed = any(item.exit_code != OK or (item.ended and not item.good) for item in items)
    return WORK_FAILED if failed else OK


def in_a_word(item: Item) -> str:
    """Where it stands, short: for the line of a progress bar."""
    if item.error is not None or item.ended:
        return _verdict(item)
    if item.job is None:
        return "sending" if item.media is None else "sent"
    if not item.judged:
        return "probing"
    tasks = item.job["tasks"]
    running = [label for label, task in zip(task_labels(tasks), tasks, strict=True) if task["state"] == "running"]
    done = sum(task["state"] in ENDED for task in tasks)
    return ", ".join(running) or (f"{done} of {len(tasks)} done" if done else "queued")


def _verdict(item: Item) -> str:
    """The end, with its reason."""
    if item.error is not None:
        return item.error
    if item.media is not None and item.media["error"]:
        return _refusal(item.media)
    assert item.job is not None
    tasks = zip(task_labels(item.job["tasks"]), item.job["tasks"], strict=True)
    failed = [*item.unfit, *(f"{label} {task['state']}{_reason(task)}" for label, task in tasks if task["state"] != "done")]
    made = sum(len(task["artifacts"]) for task in item.job["tasks"])
    return "; ".join(failed) or f"done, {made} artifact{'' if made == 1 else 's'}"


def changes(before: Item, after: Item) -> Iterator[str]:
    """A line for each state that is another one now, in the order in which they come about: tasks after their media's verdict.

    Progress alone is no change.
    """
    name = after.name
    if after.error is not None:
        yield f"{name}: {after.error}"
        return
    if after.media is not None and before.media is None:
        yield f"{name}: media {after.media['media_id']} uploaded"
    if after.job is not None and before.job is None:
        yield f"{name}: job {after.job['job_id']} queued"
        yield from (f"{name}: {sentence}" for sentence in after.unfit)
    rejected = after.media is not None and after.media["error"] is not None
    if after.media is not None and after.judged and not before.judged:
        yield f"{name}: {_refusal(after.media) if rejected else media_in_words(after.media)}"
    if after.job is not None and after.judged and not rejected:
        told = before.job["tasks"] if before.job is not None and before.judged else ()
        yield from (f"{name}: {line}" for line in _task_changes(told, after.job["tasks"]))
    if after.ended and not before.ended and after.job is not None:
        yield f"{name}: job {after.job['job_id']} {after.job['state']}"


def _task_changes(before: Sequence[Document], after: Sequence[Document]) -> Iterator[str]:
    old = {task["task_id"]: task["state"] for task in before}
    for label, task in zip(task_labels(after), after, strict=True):
        if task["state"] != old.get(task["task_id"], "queued"):
            yield f"{label} {task['state']}{_reason(task)}"


def _refusal(media: Document) -> str:
    return f"{media['state']}{_reason(media)}"


def _reason(document: Document) -> str:
    """A media's or a task's error, to follow its state."""
    error = document["error"]
    return f" ({error['class']}): {error['message'].rstrip('.')}" if error else ""
