"""`darkroom submit` on twenty files, as a person sees it: on a terminal of 80 columns, rendered; and as a pipe gets it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pyte
import pytest
from PIL import Image

from .system import REPOSITORY, System

COLUMNS, ROWS, FILES = 80, 40, 20
PART = re.compile(r"(\d+) of 20$")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Nineteen pictures, and one that breaks off; names longer than their column among them."""
    found = []
    with Image.open(REPOSITORY / "sample_data" / "coffee.png") as image:
        picture = image.convert("RGB")
    for number in range(FILES):
        name = f"IMG_{number:04}.jpg" if number % 2 else f"a holiday picture with quite a long name {number}.jpg"
        picture.resize((400 + number, 300)).save(tmp_path / name, "JPEG")
        found.append(tmp_path / name)
    found[-1].write_bytes(found[-1].read_bytes()[:2000])
    return found


def command(system: System, files: Sequence[Path]) -> list[str]:
    submit = [sys.executable, "-m", "infra.cli.main", "submit", *map(str, files), "--wait", "--gateway", system.gateway]
    return [*submit, "--op", "thumbnail:longest_edge_px=48", "--op", "thumbnail:longest_edge_px=64"]


def test_a_terminal_of_eighty_columns(system: System, files: list[Path]) -> None:
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=1000)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    process = subprocess.Popen(command(system, files), cwd=REPOSITORY, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    ended: list[int] = []
    frames, moving = 0, 0
    deadline_s = time.monotonic() + 240
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        assert time.monotonic() < deadline_s, "\n".join(screen.display)
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            stream.feed(os.read(ours, 65536))
        except OSError:
            break  # the other side is closed
        lines = [line.rstrip() for line in screen.display]
        totals = [line for line in lines if line.startswith("all files")]
        if len(totals) != 1 or not PART.search(totals[0]):
            continue  # in the middle of a frame
        frames += 1
        count = int(PART.search(totals[0])[1])  # type: ignore[index]
        assert not ended or count >= ended[-1], "fewer have ended than before"
        ended.append(count)
        shown = sum(line.startswith(("✓", "✗")) for line in lines) + sum(_text(row).startswith(("✓", "✗")) for row in screen.history.top)
        assert shown in (count, count - 1), f"{count} have ended, {shown} lines say so"
        moving = max(moving, sum("━" in line for line in lines) - 1)
    os.close(ours)
    assert process.wait() == 1  # some work failed
    everything = [_text(row) for row in screen.history.top] + [line.rstrip() for line in screen.display]
    told = [line for line in everything if line.startswith(("✓", "✗"))]
    assert len(told) == FILES, "\n".join(everything)
    assert sum(line.startswith("✓") and line.endswith("done, 2 artifacts") for line in told) == FILES - 1, "\n".join(told)
    assert sorted(line[2:26].rstrip() for line in told) == sorted(_shown(path.name) for path in files)
    assert frames > 10
    assert moving >= 1
    assert ended[-1] >= FILES - 1
    assert not any("all files" in line or "━" in line for line in screen.display), "bars stay when all has ended"


def test_a_pipe(system: System, files: list[Path]) -> None:
    done = subprocess.run(command(system, files), cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    for path in files[:-1]:
        its_own = [line.removeprefix(path.name + ": ") for line in lines if line.startswith(path.name + ": ")]
        words = [re.sub(r" [0-9a-f]{8}-[0-9a-f-]{27}", "", line) for line in its_own]
        assert words[:2] == ["media uploaded", "job queued"], its_own
        assert words[-1] == "job done", its_own
        assert sum(word.startswith("thumbnail") and word.endswith(" done") for word in words) == 2, its_own
        assert len(words) == len(set(words)), its_own
    assert any(line.startswith(f"{files[-1].name}: rejected (bad-input)") for line in lines), lines[-5:]


def _shown(name: str) -> str:
    """A filename in its column of 24."""
    return name if len(name) <= 24 else name[:23] + "…"


def _text(row: dict[int, pyte.screens.Char]) -> str:
    return "".join(row[column].data for column in range(COLUMNS)).rstrip()
