"""`darkroom` as people call it: on a running system, in a pipe and on a terminal of 80 columns."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from rich.cells import cell_len

from tests import media as eye
from tests.acceptance.system import REPOSITORY, Darkroom, System, eventually, running

SAMPLES = REPOSITORY / "sample_data"
MANIFEST = {entry["name"]: entry for entry in json.loads((SAMPLES / "manifest.json").read_text())["files"]}
SEEN = [SAMPLES / name for name, entry in MANIFEST.items() if "thumbnail" in entry["operations"]]
DARKROOM = [sys.executable, "-m", "infra.cli.main"]


def meant(system: Darkroom) -> list[str]:
    """The option that names the system: its folder, or its URL with the key in DARKROOM_API_KEY."""
    return ["--data", str(system.data)] if isinstance(system, System) else ["--gateway", system.gateway]


def darkroom(system: Darkroom, *argv: str | Path) -> subprocess.CompletedProcess[str]:
    argv = (*argv, *(() if "--gateway" in argv else meant(system)))
    return subprocess.run([*DARKROOM, *map(str, argv)], capture_output=True, text=True, timeout=300, cwd=REPOSITORY, check=False)


def submitted(system: Darkroom, *argv: str | Path) -> Any:
    done = darkroom(system, "submit", *argv, "--wait", "--json")
    assert done.stderr == ""
    return json.loads(done.stdout)["files"]


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The samples that can be seen, and pictures beside them, one with a long name."""
    folder = tmp_path_factory.mktemp("twenty")
    more = [folder / f"{'a picture with a rather long name ' if n == 0 else 'p'}{n}.png" for n in range(20 - len(SEEN))]
    for n, path in enumerate(more):
        Image.effect_mandelbrot((200 + n, 150), (-2, -1.5, 1, 1.5), 30 + n).save(path)
    assert len(SEEN) + len(more) == 20
    return [*SEEN, *more]


def test_twenty_files_in_a_pipe(system: Darkroom, twenty: list[Path]) -> None:
    done = darkroom(system, "submit", *twenty, "--op", "thumbnail", "--op", "embed", "--wait")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    for path in twenty:
        said = [line.removeprefix(f"{path.name}: ") for line in lines if line.startswith(f"{path.name}: ")]
        kinds = [re.sub(r"[0-9a-f-]{36}", "ID", line) for line in said]
        assert kinds[:2] == ["media ID uploaded", "job ID queued"]
        assert kinds[2].startswith("accepted, ")
        assert kinds[-1] == "job ID done"
        middle = [line for line in kinds[3:-1] if not line.endswith(" running")]  # a quick task is never seen running
        assert sorted(middle) == ["embed done", "thumbnail done"]
        assert len(said) == len(set(said))


def test_twenty_files_on_a_terminal_of_80_columns(system: Darkroom, twenty: list[Path]) -> None:
    code, screen = on_a_terminal(
        [*DARKROOM, "submit", *map(str, twenty), "--op", "thumbnail:longest_edge_px=200", "--wait", *meant(system)]
    )
    assert [line for line in screen if line.startswith("✗")] == []
    assert code == 0
    assert max(map(cell_len, screen)) <= 80
    ended = [line for line in screen if line.startswith("✓")]
    assert sorted(ended) == sorted(f"✓ {shown(path.name)} done, 1 artifact" for path in twenty)
    totals = [int(found.group(1)) for line in screen if (found := re.match(r"all files .* (\d+) of 20", line))]
    assert totals == sorted(totals)
    assert totals[-1] == 20
    assert any(re.search(r"━+ +\d+% \S", line) for line in screen)


def test_the_bar_of_a_long_transcode_moves(system: Darkroom, tmp_path: Path) -> None:
    path = eye.clip(tmp_path / "long.mp4", seconds=40, fps=30, size_px=(1280, 720))
    code, screen = on_a_terminal([*DARKROOM, "submit", str(path), "--op", "transcode_1080p", "--wait", *meant(system)])
    assert code == 0, screen[-3:]
    percents = [int(found.group(1)) for line in screen if (found := re.match(r"long\.mp4 +[━╸╺]+ +(\d+)% transcode", line))]
    assert percents == sorted(percents)
    assert len({percent for percent in percents if 0 < percent < 100}) >= 2, percents


def test_a_table_on_a_terminal_of_80_columns(system: Darkroom) -> None:
    (row,) = submitted(system, SAMPLES / "flower.jpg", "--op", "thumbnail", "--op", "embed", "--op", "thumbnail:longest_edge_px=111")
    code, screen = on_a_terminal([*DARKROOM, "jobs", "--media", row["media"]["media_id"], *meant(system)])
    assert code == 0
    head, first = screen[:2]
    assert head.split() == ["job", "state", "created", "operations"]
    assert first.startswith(f"{row['job']['job_id']} ")
    assert max(map(cell_len, screen)) <= 80
    assert re.sub(r"\s", "", "".join(line[head.index("operations") :] for line in screen[1:])) == "thumbnail320,embed,thumbnail111"


def shown(name: str) -> str:
    return name.ljust(24) if len(name) <= 24 else name[:23] + "…"


def on_a_terminal(argv: Sequence[str]) -> tuple[int, list[str]]:
    """Exit code, and every line that was drawn, in order."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=REPOSITORY, env=environment | {"TERM": "xterm-256color"}
    )
    os.close(theirs)
    drawn = bytearray()
    deadline_s = time.monotonic() + 300
    while select.select([ours], [], [], max(0, deadline_s - time.monotonic()))[0]:
        try:
            drawn += os.read(ours, 65_536)
        except OSError:  # the other end was closed
            break
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.decode())
    return process.wait(10), [line.rstrip() for line in re.split(r"[\r\n]+", text)]


def test_artifacts_are_listed_and_fetched_once_with_their_checksums(system: Darkroom, tmp_path: Path) -> None:
    (row,) = submitted(system, SAMPLES / "clip.mp4", "--op", "thumbnail", "--op", "transcode_480p")
    media_id = row["media"]["media_id"]
    listed = darkroom(system, "artifacts", media_id).stdout.splitlines()
    names = {"clip-thumbnail-320.webp", "clip-transcode-480.mp4"}
    assert {line.split("\t")[0] for line in listed} == names
    for _ in range(2):
        done = darkroom(system, "artifacts", media_id, "--to", tmp_path / "out", "--json")
        assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["artifacts"]
    assert {Path(one["file"]) for one in made} == {tmp_path / "out" / name for name in names} == set((tmp_path / "out").iterdir())
    for one in made:
        data = Path(one["file"]).read_bytes()
        assert (sha256(data).hexdigest(), len(data)) == (one["sha256"], one["bytes"])


def test_similar(system: Darkroom) -> None:
    rows = submitted(system, SAMPLES / "cat.png", SAMPLES / "cat_cutout.png", SAMPLES / "rocket.jpg", "--op", "embed")
    done = darkroom(system, "similar", rows[0]["media"]["media_id"], "-k", "100")
    found = [line.split("\t") for line in done.stdout.splitlines()]
    scores = [float(score) for score, _, _ in found]
    assert scores == sorted(scores, reverse=True)
    assert "cat_cutout.png" in {name for _, _, name in found}
    asked = json.loads(darkroom(system, "similar", rows[0]["media"]["media_id"], "-k", "1", "--json").stdout)
    assert (asked["model"], len(asked["items"])) == ("descriptor-v1", 1)


def test_similar_without_a_vector_says_what_to_do(system: Darkroom, tmp_path: Path) -> None:
    Image.new("RGB", (77, 55), "teal").save(tmp_path / "teal.png")
    (row,) = submitted(system, tmp_path / "teal.png")
    done = darkroom(system, "similar", row["media"]["media_id"])
    assert (done.returncode, done.stdout) == (4, "")
    assert "run embed" in done.stderr


def test_jobs_and_watch(system: Darkroom) -> None:
    (row,) = submitted(system, SAMPLES / "flower.jpg")
    job_id = row["job"]["job_id"]
    listed = darkroom(system, "jobs", "--state", "done", "--media", row["media"]["media_id"]).stdout.splitlines()
    assert [line.split("\t")[::3] for line in listed] == [[job_id, "thumbnail"]]
    watched = darkroom(system, "watch", job_id)
    assert (watched.returncode, watched.stdout.splitlines()[-1]) == (0, f"flower.jpg: job {job_id} done")
    assert json.loads(darkroom(system, "watch", job_id, "--json").stdout)["job_id"] == job_id


def test_lists_go_on_over_pages(system: Darkroom) -> None:
    submitted(system, *SEEN[:3])
    first, second = (json.loads(darkroom(system, "jobs", "--limit", str(n), "--json").stdout) for n in (1, 3))
    assert (len(first["jobs"]), len(second["jobs"])) == (1, 3)
    assert first["next_cursor"] is not None


def test_exit_codes(system: Darkroom, tmp_path: Path) -> None:
    broken = darkroom(system, "submit", SAMPLES / "broken.jpg", SAMPLES / "cat.png", "--wait")
    assert broken.returncode == 1
    assert re.search(r"^broken.jpg: (rejected \(bad-input\)|failed: .*rejected): ", broken.stdout, re.MULTILINE)
    assert re.search(r"^cat.png: job \S+ done$", broken.stdout, re.MULTILINE)
    refused = darkroom(system, "submit", SAMPLES / "cat.png", "--op", "thumbnail:longest_edge_px=99999")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "from 16 to 2048" in refused.stderr
    assert darkroom(system, "artifacts", "nonsense").returncode == 4
    assert darkroom(system, "jobs", "--gateway", "http://127.0.0.1:1").returncode == 3
    usage = darkroom(system, "submit", tmp_path / "nowhere.jpg")
    assert (usage.returncode, usage.stdout) == (2, "")
    for said in (refused, darkroom(system, "watch", "nonsense")):
        assert len(said.stderr.splitlines()) == 1
        assert said.stderr.startswith("darkroom: ")


def test_ctrl_c_ends_the_waiting_and_not_the_work(system: Darkroom, tmp_path: Path) -> None:
    path = eye.clip(tmp_path / "long.mp4", seconds=20, fps=30, size_px=(1280, 720))
    hearing = ("env", "--default-signal=INT")  # what a shell starts in the background is deaf to it, and so would its children be
    argv = [*hearing, *DARKROOM, "submit", str(path), "--op", "transcode_720p", "--wait", *meant(system)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        job_id = next(found.group(1) for line in process.stdout if (found := re.search(r"job (\S+) queued", line)))
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, len(stderr.splitlines())) == (130, 1)
    assert darkroom(system, "watch", job_id).returncode == 0


@pytest.mark.local("looks at the folder and the programs of this machine")
def test_the_doctor_finds_a_running_system_well(system: Darkroom) -> None:
    done = darkroom(system, "doctor", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (0, True), said
    found = {f"{one['check']}: {one['found']}" for one in said["checks"]}
    assert {"running: database ok", "running: object_store ok", f"running: {system.gateway} answers"} <= found
    assert {"python", "folder", "disk", "database", "ffmpeg", "torch", "sandbox"} <= {one["check"] for one in said["checks"]}


@pytest.mark.local("starts systems of its own on a watched folder")
def test_a_watched_folder(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    options = ["--watch", str(drop), "--op", "thumbnail"]
    published = tmp_path / "data" / "run" / "darkroom.json"
    with running(tmp_path / "data", options=[*options, "--json"]) as system:
        document = json.loads(published.read_text())
        assert document["gateway"] == system.gateway
        assert document["dashboard"] == f"{system.gateway}/dashboard"
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/darkroom/default", document["broker"])
        assert psutil.Process(document["pid"]).cmdline()[-1] == "--json"
        (drop / "holidays").mkdir()
        shutil.copyfile(SAMPLES / "cat.png", drop / "cat.png")
        with (drop / "holidays" / "clip.mp4").open("wb") as file:  # as a slow camera would
            data = (SAMPLES / "clip.mp4").read_bytes()
            for start in range(0, len(data), len(data) // 4 + 1):
                file.write(data[start : start + len(data) // 4 + 1])
                file.flush()
                time.sleep(0.5)
        shutil.copyfile(SAMPLES / "broken.jpg", drop / "broken.jpg")
        made = [
            drop / "developed" / name
            for name in ("cat.png/thumbnail-320.webp", "holidays/clip.mp4/thumbnail-320.webp", "broken.jpg/failed.txt")
        ]
        eventually(lambda: [path.exists() for path in made], all, 120)
        for path in made[:2]:
            with Image.open(path) as image:
                assert max(image.size) == 320
        assert "rejected" in made[2].read_text()
        before = {media["media_id"]: media["filename"] for media in system.call("GET", "/media")["media"]}
        assert sorted(before.values()) == ["broken.jpg", "cat.png", "clip.mp4"]
    assert not published.exists()
    lines = [json.loads(line) for line in (tmp_path / "data" / "up.log").read_text().splitlines() if line.startswith("{")]
    assert (lines[0], lines[-1]) == (document, {"said": "stopped"})
    assert any(line["said"].startswith("cat.png: done, ") for line in lines[1:])
    with running(tmp_path / "data", options=options) as system:
        shutil.copyfile(SAMPLES / "rocket.jpg", drop / "rocket.jpg")
        eventually((drop / "developed/rocket.jpg/thumbnail-320.webp").exists, bool, 120)
        after = {media["media_id"]: media["filename"] for media in system.call("GET", "/media")["media"]}
        assert [name for media_id, name in after.items() if media_id not in before] == ["rocket.jpg"]
    originals = {path.name: path.read_bytes() for path in drop.rglob("*") if path.is_file() and "developed" not in path.parts}
    assert originals == {name: (SAMPLES / name).read_bytes() for name in ("cat.png", "clip.mp4", "broken.jpg", "rocket.jpg")}
