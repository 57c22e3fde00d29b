"""The dashboard before MinIO, another origin: what goes up by grant, what breaks in between, what is shown and kept by presigned URLs."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.acceptance.real import running_on_real_parts
from tests.acceptance.system import System, eventually

from .conftest import SAMPLES, Opener, drop, store_origin
from .uploading import BROKEN, PARTS, THIN, Line, check_each_part_went_once, check_whole, choose, make_tape, parts_that_came


@pytest.fixture(scope="module")
def system(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system on PostgreSQL over TCP and MinIO, whose public address is not the internal one."""
    with running_on_real_parts(tmp_path_factory.mktemp("minio")) as (up, parts):
        assert store_origin(up) == parts.environment["OBJECT_STORE_PUBLIC_URL"]
        yield up


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return make_tape(tmp_path / "tape.wav")


def sent_to(page: Page, system: System) -> list[str]:
    """The method and the status of every upload that the store has answered, from now on."""
    sent: list[str] = []
    page.on(
        "response",
        lambda answer: sent.append(f"{answer.request.method} {answer.status}") if answer.url.startswith(store_origin(system)) else None,
    )
    return sent


def test_small_files_go_by_form_and_are_shown_and_kept(open_page: Opener, system: System, tmp_path: Path) -> None:
    picture = Path(shutil.copy(SAMPLES / "cat.png", tmp_path / "tom “the cat” köln.png"))
    clip = Path(shutil.copy(SAMPLES / "clip.mp4", tmp_path / "reel.mp4"))
    page = open_page("#/jobs")
    sent = sent_to(page, system)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("checkbox", name="transcode 480p").check()
    page.keyboard.press("Escape")
    drop(page, picture, clip)
    expect(page.get_by_role("complementary", name="Uploads").get_by_text("done", exact=True)).to_have_count(2, timeout=120_000)
    assert sent[:2] == ["POST 204", "POST 204"]

    page.get_by_role("link", name="Gallery").click()
    frame = page.get_by_role("link", name=re.compile("^tom “the cat” köln.png, image")).locator("img")
    eventually(lambda: frame.evaluate("one => one.naturalWidth"), lambda width_px: width_px > 0, 30)
    assert frame.evaluate("one => one.src").startswith(store_origin(system))
    page.get_by_role("link", name=re.compile("^reel.mp4, video")).hover()
    preview = page.locator("#media-list video")
    eventually(lambda: preview.evaluate("one => one.currentTime"), lambda played_s: played_s > 0, 30)

    page.get_by_role("link", name=re.compile("^tom “the cat” köln.png, image")).click()
    sheet = page.get_by_role("dialog", name=picture.name)
    with page.expect_download() as kept:
        sheet.get_by_role("link", name="Download thumbnail").click()
    assert kept.value.suggested_filename == "tom “the cat” köln-thumbnail.webp"
    with page.expect_download() as kept:
        sheet.get_by_role("link", name="Download original").click()
    assert urlsplit(kept.value.url).netloc == urlsplit(store_origin(system)).netloc
    assert kept.value.suggested_filename == picture.name
    assert Path(kept.value.path()).read_bytes() == picture.read_bytes()


def test_a_large_file_goes_in_parts_over_a_broken_line_and_a_reload(open_page: Opener, system: System, tape: Path) -> None:
    page = open_page(expects=[BROKEN])
    page.on("dialog", Dialog.accept)
    came = parts_that_came(page)
    line = Line(page)
    line.carries(THIN)
    line.holds_back_parts_from(5)
    choose(page, tape)
    bar = page.get_by_role("progressbar", name="Upload of tape.wav")
    seen: set[float] = set()
    while not came:
        seen.add(float(bar.get_attribute("value") or 0) if bar.count() else 0)
        page.wait_for_timeout(50)
    assert len(seen) > 2, f"the bar has not moved: {seen}"
    line.carries(0)
    expect(page.get_by_text(re.compile("^Connection broken at"))).to_be_visible()
    before = set(came)
    line.holds_back_parts_from(PARTS)
    line.carries(-1)
    line.carries(THIN)
    while set(came) == before:
        page.wait_for_timeout(50)
    page.reload()
    expect(page.get_by_text(re.compile("^Interrupted"))).to_be_visible()
    assert PARTS not in came
    line.holds_back()
    choose(page, tape)
    check_whole(page, system, tape)
    check_each_part_went_once(came, PARTS)
