"""Twenty files in 80 columns, and the same in a pipe."""

import io
import json
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from infra.cli.display import Bars, JobLines, Lines, display_for
from infra.cli.item import Item
from tests.unit.cli.documents import job, media, task

NAMES = [f"IMG_{n:04}.jpg" for n in range(17)] + [
    "ein sehr langer Dateiname mit Wörtern.mp4",
    "日本語のとても長いファイル名です.mov",
    "[red]b\x1b[2Jold.png",
]


def item(name: str, state: str) -> Item:
    done = task("thumbnail", "done" if state == "done" else state, progress=0.5)
    return Item(name=name, sent=1.0, media=media(name=name), job=job(state, done))


def console() -> Console:
    return Console(file=io.StringIO(), record=True, width=80, height=30, force_terminal=True, highlight=False)


def shown(bars: Bars, on: Console) -> list[str]:
    """The bars as they would be on the screen now."""
    on.export_text(clear=True)
    on.print(bars)
    return [line.rstrip() for line in on.export_text().splitlines()]


def test_twenty_files_at_once_fit_eighty_columns() -> None:
    on = console()
    bars = Bars(on, len(NAMES), wait=True)
    for index, name in enumerate(NAMES):
        bars.tell(index, item(name, "running"))
    lines = shown(bars, on)
    assert len(lines) == 1 + 20
    assert max(map(cell_len, lines)) <= 80
    assert lines[0].startswith("all files")
    assert all(line.endswith("50% thumbnail") for line in lines[1:])
    starts = {cell_len(line[: line.index("━")]) for line in lines}
    assert starts == {25}  # the bars stand under one another, whatever is before them: 24 cells and a space


def test_what_has_ended_leaves_the_bars_and_stays_above() -> None:
    on = console()
    bars = Bars(on, len(NAMES), wait=True)
    with bars:
        for index, name in enumerate(NAMES):
            bars.tell(index, item(name, "running"))
        for index, name in enumerate(NAMES[:5]):
            bars.tell(index, item(name, "done"))
            bars.tell(index, item(name, "done"))  # a late word
    printed = on.export_text(clear=False)
    ended = [line[line.index("✓") :].rstrip() for line in printed.splitlines() if "✓" in line]  # bars that were wiped may stand before
    assert ended == [f"✓ {name:24} done, 1 artifact" for name in NAMES[:5]]
    assert [f"{n} of 20" in printed for n in range(1, 7)] == [True] * 5 + [False]
    lines = shown(bars, on)
    assert len(lines) == 15
    assert not any(name in "\n".join(lines) for name in NAMES[:5])


def test_a_reason_is_shown_whole() -> None:
    on = console()
    bars = Bars(on, 1, wait=True)
    reason = "The picture is far too large for anybody to look at, and nothing that this machine has could ever hold it"
    bars.tell(0, replace(item("a.png", "queued"), error=reason, job=None))
    printed = on.export_text()
    assert " ".join(printed.split()) == f"✗ a.png {reason}"
    assert max(map(cell_len, printed.splitlines())) <= 80


def test_names_are_neither_markup_nor_commands() -> None:
    on = console()
    Bars(on, 1, wait=True).tell(0, item(NAMES[-1], "done"))
    assert on.export_text().startswith("✓ [red]b�[2Jold.png")


def test_without_waiting_the_job_is_the_end() -> None:
    on = console()
    Bars(on, 1, wait=False).tell(0, item("a.png", "running"))
    assert on.export_text().rstrip() == "→ a.png                    job job-1"


def test_lines_in_a_pipe() -> None:
    said: list[str] = []
    with Lines(said.append) as lines:
        for index, name in enumerate(NAMES):
            for state in ("running", "running", "done"):
                lines.tell(index, item(name, state))
    assert len(said) == 20 * 6  # uploaded, job, accepted, running, done, job done
    assert said[:6] == [
        "IMG_0000.jpg: media media-of-IMG_0000.jpg uploaded", "IMG_0000.jpg: job job-1 queued",
        "IMG_0000.jpg: accepted, video 1280×720, 8.0 s", "IMG_0000.jpg: thumbnail running",
        "IMG_0000.jpg: thumbnail done", "IMG_0000.jpg: job job-1 done",
    ]  # fmt: skip
    assert all(line.isprintable() for line in said)


def test_job_lines_are_json_and_only_changes() -> None:
    said: list[str] = []
    lines = JobLines(said.append)
    one, two = item("a.png", "done"), item("a.png", "done")
    for number, each in enumerate((one, two)):
        assert each.job is not None
        each.job["tasks"][0]["artifacts"][0] |= {"url": f"fresh {number}", "expires_at": f"in {number} s"}
    for each in (Item(name="a.png"), item("a.png", "running"), one, two):
        lines.tell(0, each)
    assert [json.loads(line)["state"] for line in said] == ["running", "done"]


def test_a_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    display_for(3, wait=True).tell(0, item("a.png", "done"))
    assert capsys.readouterr().out.splitlines()[-1] == "a.png: job job-1 done"
