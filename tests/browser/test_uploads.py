"""Uploads that the network, or the reader of the page, breaks off: they go on from what the store has."""

import re
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, expect

from tests.acceptance.system import System

from .conftest import Opener
from .uploading import BROKEN, PARTS, THIN, Line, check_whole, choose, make_tape, parts_that_came


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return make_tape(tmp_path / "tape.wav")


def test_after_a_broken_connection(open_page: Opener, system: System, tape: Path) -> None:
    page = open_page(expects=[BROKEN])
    came = parts_that_came(page)
    line = Line(page)
    line.carries(THIN)
    choose(page, tape)
    while not came:
        page.wait_for_timeout(50)
    line.carries(0)
    expect(page.get_by_text(re.compile("^Connection broken at"))).to_be_visible(timeout=30_000)
    before = set(came)
    page.wait_for_timeout(1500)
    assert set(came) == before
    assert len(before) < PARTS
    line.carries(-1)
    check_whole(page, system, tape)
    assert came == Counter(range(1, PARTS + 1))  # each part once: what was there was not sent again


def test_after_a_reload(open_page: Opener, system: System, tape: Path) -> None:
    page = open_page(expects=[BROKEN])
    page.on("dialog", Dialog.accept)
    came = parts_that_came(page)
    Line(page).carries(THIN)
    choose(page, tape)
    while not came:
        page.wait_for_timeout(50)
    page.reload()
    expect(page.get_by_text(re.compile("^Interrupted"))).to_be_visible()
    before = set(came)
    assert 0 < len(before) < PARTS
    choose(page, tape)
    check_whole(page, system, tape)
    assert before < set(came) <= set(range(1, PARTS + 1))  # the reload may have cut off the answer to a part that is there
    assert set(came.values()) == {1}
    assert system.call("GET", "/media?q=tape")["media"][0]["state"] == "accepted"
    page.reload()
    page.wait_for_selector("#live[data-live=on]")
    expect(page.locator("#tray")).to_be_hidden()
