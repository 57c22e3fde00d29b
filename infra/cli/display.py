"""Showing items while they are waited for: bars on a terminal, a line for each change of state in a pipe, documents with --json.

All take `tell(index, item)` from any thread. What has ended becomes a line above the bars, so that the screen holds what still moves.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Column
from rich.text import Text

from infra.cli.documents import plain
from infra.cli.item import Item, changes, in_a_word

NAME_CELLS, BAR_CELLS = 24, 16
FRAME_S = 0.1
INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended."""


class Display(Protocol):
    """Open while it is waited."""

    def tell(self, index: int, item: Item) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None: ...


class Lines:
    """One line a change, flushed, so that `tail -f` and a log see it when it happens."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last: dict[int, Item] = {}
        self._lock = threading.Lock()

    def tell(self, index: int, item: Item) -> None:
        with self._lock:
            before = self._last.get(index, Item(name=item.name))
            self._last[index] = item
            for line in changes(before, item):
                self._say(plain(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        pass


class JobLines(Lines):
    """The job's document on a line of its own whenever it is another one."""

    def tell(self, index: int, item: Item) -> None:
        with self._lock:
            before = self._last.get(index)
            self._last[index] = item
            if item.job is not None and (before is None or _lasting(before) != _lasting(item)):
                self._say(json.dumps(item.job))


def _lasting(item: Item) -> str:
    """The job without its presigned URLs, which are others every time."""

    def drop(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {name: value for name, value in pairs if name not in ("url", "expires_at")}

    return str(json.loads(json.dumps(item.job), object_pairs_hook=drop))


class Silence(Lines):
    """For one document at the end."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)


class Bars:
    """A bar for each item that moves, and one for them all where there are several. Fits 80 columns."""

    def __init__(self, console: Console, count: int, *, wait: bool) -> None:
        """`wait`: an item moves until its job has ended, else only until there is a job."""
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(width=NAME_CELLS, no_wrap=True, overflow="ellipsis")),
            BarColumn(BAR_CELLS),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            console=console,
            expand=True,
            auto_refresh=False,  # its thread would now and then draw an older state over a newer one
        )
        self._bars: dict[int, TaskID] = {}
        self._ended: set[int] = set()
        self._count = count
        self._wait = wait
        self._total = self._progress.add_task("all files", total=count, words=f"0 of {count}", visible=count > 1)
        self._lock = threading.Lock()
        self._drawn_s = 0.0

    def tell(self, index: int, item: Item) -> None:
        with self._lock:
            if index in self._ended:
                return
            if item.ended or (item.job is not None and not self._wait):
                self._end(index, item)
            else:
                if index not in self._bars:
                    self._bars[index] = self._progress.add_task(plain(item.name), total=1.0, words="")
                self._progress.update(self._bars[index], completed=item.progress, words=plain(in_a_word(item)))
                if time.monotonic() - self._drawn_s > FRAME_S:
                    self._draw()

    def __rich__(self) -> Progress:
        return self._progress

    def _end(self, index: int, item: Item) -> None:
        self._ended.add(index)
        if index in self._bars:
            self._progress.remove_task(self._bars.pop(index))
        self._progress.update(self._total, completed=len(self._ended), words=f"{len(self._ended)} of {self._count}")
        self._draw()
        self._progress.console.print(ended_line(item))

    def _draw(self) -> None:
        self._progress.refresh()
        self._drawn_s = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.update(self._total, visible=False)
        self._progress.stop()


def ended_line(item: Item) -> Text:
    """`✓ beach.jpg               done, 2 artifacts`; a long reason goes on below."""
    name = Text(plain(item.name))
    name.truncate(NAME_CELLS, overflow="ellipsis", pad=True)
    if item.job is not None and not item.ended:
        return Text.assemble("→ ", name, f" job {item.job['job_id']}")
    return Text.assemble(("✓ ", "green") if item.good else ("✗ ", "red"), name, " ", plain(in_a_word(item)))


def display_for(count: int, *, wait: bool) -> Display:
    """What fits stdout."""
    if sys.stdout.isatty():
        return Bars(Console(highlight=False), count, wait=wait)
    return Lines(lambda line: print(line, flush=True))


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends the waiting, not the work, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        print("darkroom: not waiting any more; the jobs go on, `darkroom jobs` lists them", file=sys.stderr)
        sys.exit(INTERRUPTED)
