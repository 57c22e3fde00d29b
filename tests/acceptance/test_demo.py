"""`darkroom demo` itself, on two of the samples: what it shows, what it leaves, and what it says where a sample is not as expected."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from .system import REPOSITORY

pytestmark = pytest.mark.local("starts a system of its own")
NAMES = ("cat.png", "broken.jpg")


def test_two_samples(tmp_path: Path) -> None:
    samples, folder = tmp_path / "samples", tmp_path / "demo"
    samples.mkdir()
    manifest = json.loads((REPOSITORY / "sample_data" / "manifest.json").read_text())
    entries = [entry for entry in manifest["files"] if entry["name"] in NAMES]
    entries += [entry | {"name": "wrong.png", "width_px": 1} for entry in entries if entry["name"] == "cat.png"]
    (samples / "manifest.json").write_text(json.dumps(manifest | {"files": entries}))
    for name in NAMES:
        shutil.copyfile(REPOSITORY / "sample_data" / name, samples / name)
    shutil.copyfile(samples / "cat.png", samples / "wrong.png")
    argv = [sys.executable, "-m", "infra.cli.main", "demo", "--samples", str(samples), "--folder", str(folder), "--json"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["page"]) == (1, False, str(folder / "index.html")), done.stderr
    wrong = {row["media"]: row["problems"] for row in said["results"] if row["problems"]}
    assert list(wrong) == ["wrong.png"]
    assert all("width_px is " in problem for problem in wrong["wrong.png"])
    good = [row for row in said["results"] if not row["problems"]]
    assert {row["media"] for row in good} == set(NAMES)
    for row in good:
        assert not row["file"] or (folder / row["file"]).stat().st_size == row["bytes"]
    page = (folder / "index.html").read_text()
    assert all(name in page for name in NAMES)
    assert [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())] == []
