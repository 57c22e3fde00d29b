"""Uploads that the network, or the reader of the page, breaks off: they go on from what the store has."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, expect

from tests.acceptance.system import System, eventually

from .conftest import SAMPLES, Opener, drop, kill, store_origin
from .uploading import BROKEN, PARTS, THIN, Line, check_each_part_went_once, check_whole, choose, make_tape, parts_that_came


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return make_tape(tmp_path / "tape.wav")


def test_after_a_broken_connection(open_page: Opener, system: System, tape: Path) -> None:
    page = open_page(expects=[BROKEN])
    came = parts_that_came(page)
    line = Line(page)
    line.carries(THIN)
    line.holds_back_parts_from(5)
    choose(page, tape)
    while not came:
        page.wait_for_timeout(50)
    line.carries(0)
    expect(page.get_by_text(re.compile("^Connection broken at"))).to_be_visible()
    before = set(came)
    page.wait_for_timeout(1500)
    assert set(came) == before
    assert len(before) < PARTS
    line.holds_back()
    line.carries(-1)
    check_whole(page, system, tape)
    check_each_part_went_once(came, 5)


def test_after_a_reload(open_page: Opener, system: System, tape: Path) -> None:
    page = open_page(expects=[BROKEN])
    page.on("dialog", Dialog.accept)
    came = parts_that_came(page)
    line = Line(page)
    line.carries(THIN)
    line.holds_back_parts_from(5)
    choose(page, tape)
    while not came:
        page.wait_for_timeout(50)
    page.reload()
    expect(page.get_by_text(re.compile("^Interrupted"))).to_be_visible()
    before = set(came)
    assert 0 < len(before) < PARTS
    line.holds_back()
    choose(page, tape)
    check_whole(page, system, tape)
    check_each_part_went_once(came, 5)
    assert system.call("GET", "/media?q=tape")["media"][0]["state"] == "accepted"
    page.reload()
    page.wait_for_selector("#live[data-live=on]")
    expect(page.locator("#tray")).to_be_hidden()


def test_the_store_has_a_small_file_whose_answer_is_lost(open_page: Opener, system: System, tmp_path: Path) -> None:
    small = make_tape(tmp_path / "answer.wav", parts=2)
    page = open_page(expects=[BROKEN])
    line = Line(page)
    line.holds_back(store_origin(system) + "/*", stage="Response")
    choose(page, small)
    while not line.holds():
        page.wait_for_timeout(50)
    line.carries(0)
    expect(page.get_by_text(re.compile("^Connection broken at"))).to_be_visible()
    line.holds_back()
    line.carries(-1)
    check_whole(page, system, small)
    assert len(system.call("GET", "/media?q=answer")["media"]) == 1


def test_the_store_is_killed_under_a_small_file(open_page: Opener, system: System, tmp_path: Path) -> None:
    small = make_tape(tmp_path / "half.wav", parts=2)
    page = open_page(expects=["net::ERR_"])
    broken: list[str] = []
    page.on("requestfailed", lambda request: broken.append(request.method) if request.url.startswith(store_origin(system)) else None)
    line = Line(page)
    line.carries(2**20)  # all of it would take eight seconds
    choose(page, small)
    bar = page.get_by_role("progressbar", name="Upload of half.wav")
    eventually(lambda: bar.evaluate("one => one.value"), lambda sent: sent > 0, 30)
    kill(system, "object-store")
    while "POST" not in broken:
        page.wait_for_timeout(50)
    line.carries(-1)
    check_whole(page, system, small)
    assert len(system.call("GET", "/media?q=half")["media"]) == 1


def test_seven_files_go_three_at_a_time(open_page: Opener, tmp_path: Path) -> None:
    page = open_page()
    page.evaluate(
        """() => {
            window.most = 0;
            const count = () => { window.most = Math.max(window.most, document.querySelectorAll('[data-upload=sending]').length) };
            new MutationObserver(count).observe(document.getElementById('tray-list'), { childList: true, subtree: true });
        }"""
    )
    drop(page, *(Path(shutil.copy(SAMPLES / "cat.png", tmp_path / f"one of {n}.png")) for n in range(7)))
    expect(page.locator("#tray-list > li[data-upload=done]")).to_have_count(7)
    assert page.evaluate("window.most") == 3
