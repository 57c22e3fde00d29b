"""The page without a mouse and without eyes: single keys, where the focus stays, what is said aloud."""

import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.acceptance.system import System, eventually

from .conftest import SAMPLES, Opener, drop

FOCUSED = "() => document.activeElement.closest('li')?.querySelector('.name, .caption')?.textContent"


def focused(page: Page) -> object:
    """The file whose row or frame has the focus."""
    return page.evaluate(FOCUSED)


def test_a_search_and_the_keyboard_alone(open_page: Opener, system: System, tmp_path: Path) -> None:
    media_id = system.upload(Path(shutil.copy(SAMPLES / "rocket.jpg", tmp_path / "launch pad.jpg")), ["thumbnail"])
    assert system.job_of(media_id)["state"] == "done"
    page = open_page()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("laun pad")
    expect(page.locator("#job-list > li")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="launch pad.jpg")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    for key, heading in {"1": "On the line", "3": "Gallery", "4": "Dead letters", "2": "Jobs"}.items():
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("dialog", name="Upload")).to_be_visible()


def test_along_the_rows_and_the_frames(open_page: Opener, system: System, tmp_path: Path) -> None:
    names = ["third.png", "second.png", "first.png"]
    ids = [system.upload(Path(shutil.copy(SAMPLES / "cat.png", tmp_path / name)), ["thumbnail"]) for name in names]
    assert [system.job_of(media_id)["state"] for media_id in ids] == ["done"] * 3
    for view, onward, back in [("2", "j", "k"), ("3", "j", "k"), ("3", "ArrowRight", "ArrowLeft")]:
        page = open_page()
        page.keyboard.press(view)
        expect(page.locator("main > section:visible ol > li").nth(2)).to_be_visible()
        page.keyboard.press("j")
        went = [focused(page)]
        for key in (onward, onward, back, back, back):
            page.keyboard.press(key)
            went.append(focused(page))
        assert went == ["first.png", "second.png", "third.png", "second.png", "first.png", "first.png"], (view, onward)
        page.context.close()


def test_switched_off(open_page: Opener) -> None:
    page = open_page("#/jobs")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    for key in ("1", "u", "?", "/"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.id") != "job-search"
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Single-key shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="On the line")).to_be_visible()


def test_the_focus_stays_and_the_end_is_said(open_page: Opener, tmp_path: Path) -> None:
    page = open_page("#/jobs")
    page.evaluate(
        """() => {
            window.said = [];
            const note = () => window.said.push(document.getElementById('said').textContent);
            new MutationObserver(note).observe(document.getElementById('said'), { childList: true });
        }"""
    )
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("checkbox", name="transcode 480p").check()
    page.keyboard.press("Escape")
    drop(page, Path(shutil.copy(SAMPLES / "phone_rotated.mov", tmp_path / "spoken.mov")))
    row = page.locator("#job-list > li", has_text="spoken.mov")
    row.get_by_role("link", name="spoken.mov").focus()
    drawn = row.element_handle()
    expect(row.locator(".state")).to_have_text("done")
    assert drawn is not None
    assert not drawn.evaluate("one => one.isConnected")  # it was drawn anew under the focus
    assert focused(page) == "spoken.mov"
    said = eventually(lambda: page.evaluate("window.said"), lambda sentences: "spoken.mov: done." in sentences, 30)
    assert said == ["1 file in the tray.", "spoken.mov is uploaded.", "spoken.mov: done."]
