"""Runs the demo: starts the system as a person would, sends every sample, watches, checks, writes the page, stops everything."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.cli.client import Client
from infra.cli.demo.expect import Sample, artifact_problems, media_problems, read_samples
from infra.cli.demo.page import Line, page
from infra.cli.documents import extension_of
from infra.cli.errors import ApiError

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0


class DemoFailed(Exception):
    """The system did not start."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What came of it: a line a result, and the page that shows them."""

    lines: Sequence[Line]
    page: Path
    took_s: float

    @property
    def good(self) -> bool:
        """Every expected artifact is there and right."""
        return not any(line.problems for line in self.lines)


def demo(samples: Path, folder: Path, console: Console) -> Demo:
    """The whole demo.

    Args:
        samples: the folder with `manifest.json`.
        folder: for the system's data and the page; what a demo before left there is removed.

    Raises:
        DemoFailed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began_s = time.monotonic()
    with running_system(folder / "data", console) as gateway:
        console.print(f"gateway {gateway}, dashboard {gateway}/dashboard")
        lines = develop_all(Client(gateway), read_samples(samples), folder, console)
    took_s = time.monotonic() - began_s
    shown = Demo(lines=lines, page=folder / "index.html", took_s=took_s)
    shown.page.write_text(page(lines, took_s=took_s))
    console.print(table(lines))
    console.print(f"\nthe results with their pictures: {shown.page}", soft_wrap=True)
    wrong = [line for line in lines if line.problems]
    for line in wrong:
        console.print(f"[red]wrong[/]: {line.media}, {line.operation}: {'; '.join(line.problems)}")
    console.print(f"{len(lines) - len(wrong)} of {len(lines)} results are as expected, in {took_s:.1f} s from nothing")
    return shown


@contextmanager
def running_system(data: Path, console: Console) -> Iterator[str]:
    """`darkroom up` on free ports, in a process of its own; yields the gateway's URL."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "up", "--port", "0", "--data", str(data)],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with console.status("starting database, store, broker, gateway and functions …"):
            yield wait_for(process, data)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(STOP_TIMEOUT_S)


def wait_for(process: subprocess.Popen[bytes], data: Path) -> str:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    where = data / "run" / "darkroom.json"
    while time.monotonic() < deadline_s and process.poll() is None:
        if where.exists():
            return str(json.loads(where.read_text())["gateway"])
        time.sleep(0.05)
    words = (data / "up.log").read_text().split("\n")
    last = next((line for line in reversed(words) if line.strip()), "nothing").removeprefix("darkroom: ")
    raise DemoFailed(f"the system did not start, its last words are {last[:300]!r}; `darkroom doctor` looks for the reason")


def develop_all(client: Client, samples: list[Sample], folder: Path, console: Console) -> list[Line]:
    """Every sample at once, each watched to its end."""
    columns = (SpinnerColumn(), TextColumn("{task.description:22}"), BarColumn(20), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress, ThreadPoolExecutor(len(samples)) as pool:
        bars = [progress.add_task(sample.path.name, total=max(1, len(sample.operations)), words="waiting") for sample in samples]
        futures = [pool.submit(develop, client, sample, folder, progress, bar, console) for sample, bar in zip(samples, bars, strict=True)]
        return [line for future in futures for line in future.result()]


def develop(client: Client, sample: Sample, folder: Path, progress: Progress, bar: TaskID, console: Console) -> list[Line]:
    """One sample from upload to checked artifacts."""
    began_s = time.monotonic()
    media_id = client.upload(sample.path, operations=list(sample.operations))["media_id"]
    media: dict[str, Any] = {}
    job: dict[str, Any] | None = None
    for media, job in client.watch(media_id):
        tasks = job["tasks"] if job else []
        done = sum(1.0 if task["state"] in ("done", "failed") else task["progress"] or 0.0 for task in tasks)
        words = ", ".join(f"{task['operation']} {task['state']}" for task in tasks) or media["state"]
        progress.update(bar, completed=done, words=words)
    progress.update(bar, completed=max(1, len(sample.operations)))
    if not console.is_terminal:
        console.print(f"{sample.path.name}: {words}", soft_wrap=True)
    return verdict(client, sample, media, job, folder, time.monotonic() - began_s)


def verdict(
    client: Client, sample: Sample, media: Mapping[str, Any], job: Mapping[str, Any] | None, folder: Path, took_s: float
) -> list[Line]:
    """The table's lines for one media."""
    problems = media_problems(sample, media)
    if problems or not sample.operations:
        said = media["error"]["message"] if media["error"] else f"{media['state']}, nothing to develop from {media['facts']['kind']}"
        return [Line(media=sample.path.name, operation="probe", result=said, seconds=took_s, problems=problems)]
    tasks = job["tasks"] if job else []
    if len(tasks) != len(sample.operations):
        return [
            Line(media=sample.path.name, operation="job", result="missing", problems=[f"{len(tasks)} tasks, not {len(sample.operations)}"])
        ]
    return [
        task_line(client, sample, operation, task, folder)
        for operation, task in zip(sample.operations, sorted(tasks, key=_position(sample)), strict=True)
    ]


def _position(sample: Sample) -> Any:
    order = [operation.split("_")[0] for operation in sample.operations]
    return lambda task: order.index(task["operation"])


def task_line(client: Client, sample: Sample, operation: str, task: Mapping[str, Any], folder: Path) -> Line:
    """One task's line, its artifact fetched by its URL, looked at and kept beside the page."""
    took_s = seconds_between(task["queued_at"], task["finished_at"])
    if task["state"] != "done" or len(task["artifacts"]) != 1:
        said = task["error"]["message"] if task["error"] else task["state"]
        return Line(
            media=sample.path.name,
            operation=operation,
            result=said,
            seconds=took_s,
            problems=[f"{task['state']}, {len(task['artifacts'])} artifacts"],
        )
    artifact = task["artifacts"][0]
    try:
        data = client.download(artifact["url"])
    except ApiError as exc:
        return Line(media=sample.path.name, operation=operation, result="lost", problems=[str(exc)])
    name = f"{sample.path.stem}-{operation}{extension_of(artifact['content_type'])}"
    (folder / name).write_bytes(data)
    size = f"{artifact['width_px']}×{artifact['height_px']}" if artifact["width_px"] else artifact["content_type"]
    return Line(
        media=sample.path.name,
        operation=operation,
        result=f"done, {size}",
        bytes=artifact["bytes"],
        seconds=took_s,
        url=(folder / name).as_uri(),
        file=name,
        content_type=artifact["content_type"],
        problems=artifact_problems(sample, operation, artifact, data),
    )


def seconds_between(start: str, end: str | None) -> float | None:
    return None if end is None else (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def table(lines: list[Line]) -> Table:
    """What was made, a row each."""
    made = Table("media", "operation", "result", "bytes", "seconds", "url", box=None, pad_edge=False)
    for line in lines:
        made.add_row(
            line.media,
            line.operation,
            ("[red]" if line.problems else "") + line.result,
            f"{line.bytes:,}" if line.bytes is not None else "",
            f"{line.seconds:.2f}" if line.seconds is not None else "",
            line.url,
        )
    return made
