"""docs/tutorial.md and docs/webhooks.md, run as they are written, in a copy of the repository. The one thing changed is the port 8000."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from infra.cli.ports import free_port

from .system import REPOSITORY, eventually

pytestmark = pytest.mark.local("starts systems of its own from a copy of the repository")

FENCED = re.compile(r"(?:^`([\w./-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block, and the path on the line before it where it is a file's text."""
UP = re.compile(r"^(?:\S+='[^']*' )?darkroom up$")


@dataclass
class Reader:
    """Somebody who follows a page in a copy of the repository: writes its files, types its commands, and has a shell for `darkroom up`."""

    folder: Path
    port: int = field(default_factory=free_port)
    system: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PATH": path, "PYTHONPATH": str(self.folder), "DARKROOM_PORT": str(self.port)}

    def follow(self, page: str) -> None:
        for path, language, text in FENCED.findall((REPOSITORY / "docs" / page).read_text()):
            if path:
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_text(text)
            elif language == "sh" and UP.match(text.strip()):
                self.up(text.strip())
            elif language == "sh":
                self.type(text)

    def type(self, text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text.replace("localhost:8000", f"localhost:{self.port}")],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def up(self, command: str) -> None:
        self.stop()
        with (self.folder / "up.log").open("w") as log:
            self.system = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder, env=self.environment(), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

        def said() -> str:
            assert self.system is not None
            assert self.system.poll() is None, (self.folder / "up.log").read_text()[-3000:]
            return (self.folder / "up.log").read_text()

        eventually(said, lambda text: "ready; Ctrl-C" in text, 240)

    def stop(self) -> None:
        if self.system is not None:
            os.killpg(self.system.pid, signal.SIGINT)
            self.system.wait(120)
            self.system = None


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, listed):
        if (REPOSITORY / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, tmp_path / name)
    one = Reader(tmp_path)
    yield one
    one.stop()


def test_from_the_first_upload_to_an_operation_of_ones_own(reader: Reader) -> None:
    reader.follow("tutorial.md")
    [thumbnail] = (reader.folder / "thumbnails").iterdir()
    with Image.open(thumbnail) as image:
        assert (image.format, max(image.size)) == ("JPEG", 640)
    [made] = (reader.folder / "palettes").glob("*.json")
    colours = json.loads(made.read_text())["colours"]
    assert len(colours) == 4
    assert sum(colour["share"] for colour in colours) == pytest.approx(1, abs=0.001)
    assert [colour["share"] for colour in colours] == sorted((colour["share"] for colour in colours), reverse=True)
    [strip] = (reader.folder / "palettes").glob("*.png")
    with Image.open(strip) as image:
        assert image.size == (320, 64)
        assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((0, 0))) == colours[0]["hex"]  # type: ignore[misc]
    refused = subprocess.run(
        ["darkroom", "submit", "sample_data/coffee.png", "--op", "palette:colours=17"],
        cwd=reader.folder, env=reader.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "colours" in refused.stderr


def test_the_receiver_of_the_webhooks_page(reader: Reader) -> None:
    """Its file and its command, with a port of ours; then a job that calls it."""
    blocks = FENCED.findall((REPOSITORY / "docs" / "webhooks.md").read_text())
    [code] = [text for path, _, text in blocks if path == "receiver.py"]
    [start] = [text for _, language, text in blocks if language == "sh" and "receiver.py" in text]
    [up] = [text.strip() for _, language, text in blocks if language == "sh" and UP.match(text.strip())]
    (reader.folder / "receiver.py").write_text(code)
    reader.up(up)
    port = free_port()
    with (reader.folder / "receiver.log").open("w") as log:
        receiver = subprocess.Popen(
            ["bash", "-c", start.replace("9090", str(port))], cwd=reader.folder, env=reader.environment(), stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        body = {"operations": ["thumbnail"], "callback_url": f"http://127.0.0.1:{port}/darkroom?of=me"}
        script = (
            "curl -sf -F file=@sample_data/rocket.jpg 'http://localhost:8000/media?operations=none' > media.json\n"
            "python - > body.json <<'EOF'\nimport json\n"
            f"print(json.dumps({body!r} | {{'media_id': json.load(open('media.json'))['media_id']}}))\nEOF\n"
            "curl -sf -X POST http://localhost:8000/jobs -H 'Content-Type: application/json' -d @body.json > job.json\n"
        )
        reader.type(script)
        job_id = json.loads((reader.folder / "job.json").read_text())["job_id"]
        ask = f"curl -sf http://localhost:8000/jobs/{job_id}"
        told = eventually(lambda: json.loads(reader.type(ask))["callback"], lambda c: c is not None and c["state"] == "delivered", 120)
        assert (told["tries"] >= 1, told["status"]) == (True, 204)
        assert (reader.folder / "receiver.log").read_text().splitlines()[0].startswith("dev.darkroom.job.done rocket.jpg ['http")
    finally:
        os.killpg(receiver.pid, signal.SIGKILL)
        receiver.wait()
