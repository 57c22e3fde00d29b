"""What people come for: files dropped and developed, watched, opened, cancelled, redriven, and what is like them found."""

import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests import media as eye
from tests.acceptance.system import System, eventually

from .conftest import SAMPLES, Opener, drop

WATCH_THE_BAR = """([file, label]) => {
    const seen = window.seen = [];
    const look = () => {
        for (const row of document.querySelectorAll('#job-list > li')) {
            const bar = row.textContent.includes(file) ? row.querySelector(`progress[aria-label="${label}"]`) : null;
            if (bar && bar.value !== seen.at(-1)) seen.push(bar.value);
        }
        requestAnimationFrame(look);
    };
    look();
}"""
"""Every value that the bar of this task has shown."""


def test_two_files_dropped_develop_before_ones_eyes(open_page: Opener, system: System, tmp_path: Path) -> None:
    picture = Path(shutil.copy(SAMPLES / "cat.png", tmp_path / "tom.png"))
    clip = eye.clip(tmp_path / "reel.mp4", seconds=40, fps=30, size_px=(1280, 720))  # some seconds of work: progress comes once a second
    page = open_page("#/jobs")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("checkbox", name="transcode 480p").check()
    page.keyboard.press("Escape")
    page.evaluate(WATCH_THE_BAR, ["reel.mp4", "Progress of transcode, 480 px"])
    drop(page, picture, clip)
    tray = page.get_by_role("complementary", name="Uploads")
    expect(tray.get_by_role("listitem")).to_have_count(2)
    row = page.locator("#job-list > li", has_text="reel.mp4")
    expect(row.locator(".state")).to_have_text("done", timeout=120_000)
    seen = page.evaluate("window.seen")
    assert seen == sorted(seen)
    assert any(0 < value < 1 for value in seen), f"the bar has not moved: {seen}"
    expect(tray.get_by_text("done", exact=True)).to_have_count(2)
    row.get_by_role("link", name="reel.mp4").click()
    sheet = page.get_by_role("dialog", name="reel.mp4")
    with page.expect_popup() as opened:
        sheet.get_by_role("link", name="transcode, 480 px (opens").click()
    result = opened.value.locator("video")
    eventually(lambda: result.evaluate("one => one.readyState"), lambda ready: ready > 0, 30)
    assert result.evaluate("one => one.videoHeight") == 480
    with page.expect_download() as kept:
        sheet.get_by_role("link", name="Download transcode").click()
    assert kept.value.suggested_filename == "reel-transcode.mp4"
    assert Path(kept.value.path()).read_bytes()[4:8] == b"ftyp"
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("link", name="Gallery").click()
    page.get_by_role("link", name=re.compile("^reel.mp4, video")).hover()
    preview = page.locator("#media-list video")
    expect(preview).to_have_js_property("muted", True)
    eventually(lambda: preview.evaluate("one => one.currentTime"), lambda played_s: played_s > 0, 30)


def test_a_job_is_cancelled(open_page: Opener, system: System, tmp_path: Path) -> None:
    media_id = system.upload(Path(shutil.copy(SAMPLES / "clip.mp4", tmp_path / "long.mp4")))
    system.judged(media_id)
    page = open_page("#/jobs")
    system.call("POST", "/jobs", status=202, json={"media_id": media_id, "operations": ["transcode_720p", "transcode_1080p"]})
    row = page.locator("#job-list > li", has_text="long.mp4")
    row.get_by_role("button", name="Cancel the job of long.mp4").click()
    expect(row.locator(".state")).to_have_text("cancelled")
    expect(page.locator("#toast")).to_have_text("The job of long.mp4 is cancelled.")
    assert system.job_of(media_id)["state"] == "cancelled"
    page.get_by_role("button", name="running").click()
    expect(row).to_have_count(0)


def test_a_dead_letter_is_redriven(open_page: Opener, system: System, moody: Path, tmp_path: Path) -> None:
    page = open_page("#/letters")
    expect(page.get_by_text("No dead letters.")).to_be_visible()
    moody.touch()
    media_id = system.upload(Path(shutil.copy(SAMPLES / "coffee.png", tmp_path / "espresso.png")), ["embed"])
    letter = page.locator("#letter-list > li").first
    expect(letter).to_contain_text("embed: The request could not be delivered to its function.")
    expect(page.locator("#letters-count")).to_be_visible()
    moody.unlink()
    letter.get_by_role("button", name="Redrive").click()
    expect(letter).to_contain_text("redriven")
    assert system.job_of(media_id)["state"] == "done"
    letter.get_by_role("link", name="its job").click()
    sheet = page.get_by_role("dialog", name="espresso.png")
    expect(sheet.locator(".state").first).to_have_text("done")
    expect(sheet.get_by_text("could not be delivered").first).to_be_visible()


def test_what_is_like_it(open_page: Opener, system: System, tmp_path: Path) -> None:
    cat, other = (Path(shutil.copy(SAMPLES / name, tmp_path / name)) for name in ("cat.png", "cat_cutout.png"))
    ids = [system.upload(path, ["thumbnail", "embed"]) for path in (cat, other)]
    assert [system.job_of(media_id)["state"] for media_id in ids] == ["done", "done"]
    page = open_page(f"#/gallery/{ids[0]}")
    facts = page.get_by_role("dialog", name="cat.png").locator(".facts")
    for fact in ("Kindimage", "Containerpng", "Size451 × 300", "Typeimage/png", "Stateaccepted"):
        expect(facts).to_contain_text(fact)
    page.get_by_role("button", name="Find similar").click()
    similar = page.get_by_role("region", name="Similar media")
    similar.get_by_role("link", name=re.compile("cat_cutout.png")).first.click()
    expect(page.get_by_role("dialog", name="cat_cutout.png")).to_be_visible()


def test_a_clip_without_a_rendition_says_how_to_get_one(open_page: Opener, system: System, tmp_path: Path) -> None:
    media_id = system.upload(Path(shutil.copy(SAMPLES / "clip.mp4", tmp_path / "still.mp4")), ["thumbnail"])
    assert system.job_of(media_id)["state"] == "done"
    page = open_page("#/gallery")
    frame = page.get_by_role("link", name="still.mp4, video, plays here once it is developed as transcode 480p")
    frame.hover()
    expect(frame).to_have_attribute("title", "This clip plays here once it is developed as transcode 480p.")
    expect(frame.locator("video")).to_have_count(0)
    assert system.run(media_id, ["transcode_240p"])["state"] == "done"
    frame = page.get_by_role("link", name="still.mp4, video", exact=True)
    expect(frame).not_to_have_attribute("title", re.compile("."))
    frame.hover()
    expect(frame.locator("video")).to_be_visible()
