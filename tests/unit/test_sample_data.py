"""The samples, their manifest and their README agree. What the pipeline makes of them is the acceptance suite's business."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text("utf-8"))
FILES: list[dict[str, Any]] = MANIFEST["files"]
README = (SAMPLES / "README.md").read_text("utf-8")
DOCUMENTS = {"README.md", "manifest.json", "make.py"}
MAX_TOTAL_BYTES = 10_000_000
OPERATIONS_OF = {"image": ["thumbnail", "embed"], "video": ["thumbnail", "transcode_480p", "embed"], "audio": []}

each_file = pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["name"])


def test_every_file_is_in_the_manifest_once_and_nothing_else_is() -> None:
    on_disk = sorted(path.name for path in SAMPLES.iterdir() if path.is_file() and path.name not in DOCUMENTS)
    assert sorted(entry["name"] for entry in FILES) == on_disk


def test_all_together_are_small_enough_for_a_repository() -> None:
    assert sum((SAMPLES / entry["name"]).stat().st_size for entry in FILES) < MAX_TOTAL_BYTES


@each_file
def test_digest(entry: dict[str, Any]) -> None:
    assert hashlib.sha256((SAMPLES / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]


@each_file
def test_readme_has_a_row_with_licence_and_digest(entry: dict[str, Any]) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `{entry['name']}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[-2:] == [entry["licence"], f"`{entry['sha256']}`"]
    assert f"- **{entry['licence']}**:" in README


@each_file
def test_expectations_fit_the_kind(entry: dict[str, Any]) -> None:
    refused = "refused" in entry
    assert entry["operations"] == ([] if refused else OPERATIONS_OF[entry["kind"]])
    assert (entry["width_px"] is not None) == (entry["kind"] != "audio" and not refused)
    assert (entry["duration_ms"] is not None) == (entry["kind"] != "image")


@pytest.mark.parametrize("entry", [e for e in FILES if e["kind"] == "image" and "refused" not in e], ids=lambda entry: entry["name"])
def test_pictures_have_the_manifests_size_when_turned(entry: dict[str, Any]) -> None:
    with Image.open(SAMPLES / entry["name"]) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        shown = image.size[::-1] if turned else image.size
        assert shown == (entry["width_px"], entry["height_px"])


def test_the_broken_one_opens_and_then_fails() -> None:
    with Image.open(SAMPLES / "broken.jpg") as image, pytest.raises(OSError, match="truncated"):
        image.load()
