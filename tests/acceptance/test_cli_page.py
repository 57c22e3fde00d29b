"""docs/cli.md: its consoles, typed in their order into a system of their own, in a folder with the samples in it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .system import REPOSITORY, running

pytestmark = pytest.mark.local("starts a system of its own")

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
VARIES = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+Z|:\d{4,5}\b|\b0\.\d{3}\b|\b\d{5,}\b")
"""Times, ports, scores, and sizes of what encoders make."""
OF_THE_MACHINE = ("darkroom doctor", "darkroom status")
"""Said of this machine and its processes: only what is looked at is the same, and how it is."""


def typed(page: str) -> list[tuple[str, list[str]]]:
    """Each command with the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(CONSOLE.findall(page)).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def meet(expected: list[str], said: list[str], ids: dict[str, str]) -> None:
    """The same lines, in any order, since files are sent side by side; an id is whatever it was when it first came up.

    That a task is running may be missed.
    """
    left = list(said)
    for line in expected:
        known = ID.sub(lambda found: ids.get(found[0], found[0]), line)
        pattern = re.compile(
            "(.+)".join(re.escape(VARIES.sub("…", part)) for part in re.split("|".join(_unknown(known, ids)) or r"(?!)", known))
        )
        match = next((one for one in left if pattern.fullmatch(VARIES.sub("…", one))), None)
        if match is None:
            assert line.endswith(" running"), f"{line!r} is not among {said}"
            continue
        left.remove(match)
        ids.update(zip(_unknown(known, ids), (one for one in ID.findall(match) if one not in ids.values()), strict=True))
    assert [line for line in left if not line.endswith(" running")] == []


def _unknown(line: str, ids: dict[str, str]) -> list[str]:
    return [one for one in ID.findall(line) if one not in ids.values()]


def test_the_consoles_of_the_page(tmp_path: Path) -> None:
    for path in (REPOSITORY / "sample_data").iterdir():
        if path.is_file():
            shutil.copyfile(path, tmp_path / path.name)
    commands = typed((REPOSITORY / "docs" / "cli.md").read_text())
    assert len(commands) >= 15
    ids: dict[str, str] = {}
    with running(tmp_path / ".darkroom") as system:
        port = system.gateway.rpartition(":")[2]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        code = 0
        for command, expected in commands:
            if command == "echo $?":
                assert expected == [str(code)]
                continue
            given = ID.sub(lambda found: ids[found[0]], command).replace("48987", port)
            done = subprocess.run(
                ["bash", "-c", given], cwd=tmp_path, env=os.environ | {"PATH": path, "PYTHONPATH": str(REPOSITORY)},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
            )  # fmt: skip
            code, said = done.returncode, done.stdout.splitlines()
            if command.startswith(OF_THE_MACHINE):
                assert [line.split()[:2] for line in said] == [line.split()[:2] for line in expected], f"{command}: {said}"
            else:
                meet(expected, said, ids)
