"""Rows in a pipe, and on a terminal of 80 columns, where nothing may be cut off and an id stays in one piece."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence

import pytest
from rich.cells import cell_len

from infra.cli.tables import show

JOB = "01a22f0d-37ca-7091-b861-f6fc9301cf76"
LONG = "a/folder/with/quite/a/long/name/and/in/it/a/picture/from/a/holiday-thumbnail-640-jpeg.jpg"


def drawn(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """What `show` draws on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    code = f"from infra.cli.tables import show; show({list(head)!r}, {list(rows)!r}, empty='nothing')"
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | {"TERM": "xterm-256color"}
    process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 65_536):
            text += chunk
    except OSError:  # the other end was closed
        pass
    os.close(ours)
    assert process.wait(30) == 0, text
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode()).splitlines()]


def test_an_id_stays_in_one_piece_and_nothing_is_cut_off() -> None:
    head, first, *more = drawn(
        ("job", "state", "operations"), [(JOB, "done", "thumbnail 320, embed, thumbnail 111, transcode 480, and " * 2)]
    )
    assert head.split() == ["job", "state", "operations"]
    assert first.startswith(f"{JOB}  done   thumbnail 320, ")
    assert max(map(cell_len, [first, *more])) <= 80
    assert " ".join([first, *more]).count("transcode") == 2


def test_a_long_name_goes_on_below() -> None:
    lines = drawn(("artifact", "type", "size", "bytes"), [(LONG, "image/jpeg", "640×360", 55886)])
    assert max(map(cell_len, lines)) <= 80
    assert lines[1].endswith("image/jpeg  640×360  55886")
    assert "".join(line[: line.find("  ") if "  " in line else None] for line in lines[1:]) == LONG


def test_without_rows_a_terminal_says_why() -> None:
    assert drawn(("job",), []) == ["nothing"]


def test_a_pipe_gets_tabs_and_no_head(capsys: pytest.CaptureFixture[str]) -> None:
    show(("job", "operations"), [(JOB, "thumbnail, embed"), ("a\tb", "c\nd")], empty="nothing")
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{JOB}\tthumbnail, embed"
    assert second.count("\t") == 1
    show(("job",), [], empty="nothing")
    assert capsys.readouterr().out == ""
