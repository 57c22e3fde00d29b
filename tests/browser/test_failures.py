"""What fails: kept with its reason and the tool's last lines, counted by its class, tried again from the row and from the sheet."""

import random
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.system import System

from .conftest import SAMPLES, Opener, drop

CONFLICT = "status of 409"
BUSY = re.compile("queued|running")


@pytest.fixture(scope="module")
def scratched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip whose first pictures are whole, and whose middle is noise: it has a thumbnail and no rendition."""
    path = tmp_path_factory.mktemp("failures") / "scratched.mp4"
    clip = bytearray((SAMPLES / "clip.mp4").read_bytes())
    half = len(clip) // 2
    clip[half : half + 60_000] = random.Random(1).randbytes(60_000)
    path.write_bytes(clip)
    return path


def said(page: Page, sentence: str, *, bad: bool = False) -> None:
    expect(page.locator("#toast")).to_have_text(sentence)
    expect(page.locator("#toast")).to_have_class("shown bad" if bad else "shown")


def test_a_broken_picture_is_refused_again_in_words(open_page: Opener, system: System, tmp_path: Path) -> None:
    before = system.call("GET", "/stats")["failures_24h"].get("bad-input", 0)
    page = open_page(expects=[CONFLICT])
    drop(page, Path(shutil.copy(SAMPLES / "broken.jpg", tmp_path / "torn.jpg")))
    row = page.locator("#latest > li", has_text="torn.jpg")
    expect(row.locator(".state")).to_have_text("failed")
    why = row.locator(".why").inner_text()
    expect(page.locator("#failures").get_by_label(f"bad-input: {before + 1}")).to_be_visible()
    expect(page.locator("#failures")).to_contain_text("bad-input")
    row.get_by_role("button", name="Retry the job of torn.jpg").click()
    said(page, f"The media itself is rejected, and will be: {why}", bad=True)
    expect(row.locator(".state")).to_have_text("failed")
    row.get_by_role("link", name="torn.jpg").click()
    sheet = page.get_by_role("dialog", name="torn.jpg")
    expect(sheet.locator(".task")).to_contain_text(f"{why} (bad-input)")
    sheet.get_by_role("button", name="Retry the job of torn.jpg").click()
    said(page, f"The media itself is rejected, and will be: {why}", bad=True)
    expect(sheet.locator(".state").first).to_have_text("failed")


def test_a_failed_task_is_tried_again_and_tells_its_last_lines(open_page: Opener, system: System, scratched: Path, tmp_path: Path) -> None:
    media_id = system.upload(scratched, ["thumbnail", "transcode_240p"])
    assert system.job_of(media_id)["state"] == "failed"
    whole = system.upload(Path(shutil.copy(SAMPLES / "coffee.png", tmp_path / "unharmed.png")), ["thumbnail"])
    assert system.job_of(whole)["state"] == "done"
    page = open_page("#/jobs")
    row, other = (page.locator("#job-list > li", has_text=name) for name in ("scratched.mp4", "unharmed.png"))
    expect(other).to_be_visible()
    page.get_by_role("group", name="Jobs by state").get_by_role("button", name="failed").click()
    expect(other).to_have_count(0)
    expect(row.locator(".state")).to_have_text("failed")

    page.get_by_role("group", name="Jobs by state").get_by_role("button", name="all").click()
    row.get_by_role("button", name="Retry the job of scratched.mp4").click()
    said(page, "The job of scratched.mp4 is tried again.")
    expect(row.locator(".state")).to_have_text(BUSY)
    expect(row.locator(".state")).to_have_text("failed")

    row.get_by_role("link", name="scratched.mp4").click()
    sheet = page.get_by_role("dialog", name="scratched.mp4")
    task = sheet.locator(".task", has_text="transcode, 240 px")
    expect(task.get_by_text("2 attempts")).to_be_visible()
    lines = task.get_by_label("The tool's last lines, attempt 2")
    expect(lines).to_contain_text("decode errors")
    expect(
        task.get_by_text(re.compile(r"^2\. The media is damaged: \d+ pieces of its picture cannot be decoded\. bad-input"))
    ).to_be_visible()
    task.get_by_role("button", name="Retry transcode, 240 px").click()
    said(page, "The job of scratched.mp4 is tried again.")
    expect(task.locator(".state")).to_have_text(BUSY)
    expect(task.locator(".state")).to_have_text("failed")
    expect(task.get_by_text("3 attempts")).to_be_visible()
    expect(sheet.locator(".task", has_text="thumbnail")).to_contain_text("1 attempt")


def test_the_overview_while_a_function_is_busy(open_page: Opener, system: System, tmp_path: Path) -> None:
    media_id = system.upload(Path(shutil.copy(SAMPLES / "clip.mp4", tmp_path / "queue.mp4")), ["thumbnail"])
    assert system.job_of(media_id)["state"] == "done"
    page = open_page()
    flow = page.locator("#figures").get_by_role("img", name=re.compile(r"^[1-9]\d* tasks? in 30 minutes$"))
    expect(flow.locator("rect.done[height]").first).to_be_attached()
    sizes = ("240p", "360p", "480p", "720p", "1080p")
    wanted = {"media_id": media_id, "operations": [f"transcode_{size}" for size in sizes]}
    job = system.call("POST", "/jobs", status=202, json=wanted)
    expect(page.locator("#figures a", has_text="waiting")).to_have_text(re.compile(r"^[1-9]\d*waiting, \d.* the oldest$"))
    expect(page.get_by_role("row", name="transcode")).to_contain_text(re.compile(r"[1-9] of \d"))
    expect(page.locator("#figures a", has_text="running")).to_have_text(re.compile(r"^[1-9]\d*running$"))
    system.call("DELETE", f"/jobs/{job['job_id']}", status=202)
