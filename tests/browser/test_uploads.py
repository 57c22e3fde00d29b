"""Uploads that the network, or the reader of the page, breaks off: they go on from what the store has."""

import hashlib
import re
import wave
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.acceptance.system import System

from .conftest import Opener

PART_BYTES = 8 * 2**20
PARTS = 8
THIN = 6 * 2**20
"""Bytes a second: the tape takes some ten, and its first three parts four."""
BROKEN = "net::ERR_INTERNET_DISCONNECTED"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Sound of seven parts and a bit, no two seconds of it alike."""
    path = tmp_path / "tape.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        for n in range(((PARTS - 1) * PART_BYTES + 400_000) // 192_000):
            file.writeframes(hashlib.sha256(str(n).encode()).digest() * 6000)
    return path


class Line:
    """The page's line to the world, by the browser's own throttle."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")

    def carries(self, bytes_a_second: int) -> None:
        """So much up; at 0 it is broken, for what is under way, too."""
        conditions = {"offline": bytes_a_second == 0, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
        self._session.send("Network.emulateNetworkConditions", conditions)


def parts_that_came(page: Page) -> Counter[int]:
    """How often the store has said 200 to each part, from now on."""
    came: Counter[int] = Counter()

    def count(answer: object) -> None:
        request = answer.request  # type: ignore[attr-defined]
        query = {name.lower(): values for name, values in parse_qs(urlsplit(request.url).query).items()}
        if request.method == "PUT" and answer.status == 200:  # type: ignore[attr-defined]
            came[int((query.get("partnumber") or query["part"])[0])] += 1

    page.on("response", count)
    return came


def choose(page: Page, path: Path) -> None:
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_label("Drop files here").set_input_files(path)


def check_whole(page: Page, system: System, tape: Path) -> None:
    item = page.locator("#tray-list > li", has_text="tape.wav").first
    expect(item).to_have_attribute("data-upload", re.compile("done|failed"), timeout=120_000)
    (media,) = system.call("GET", "/media?q=tape&limit=1")["media"]
    media = system.judged(media["media_id"])
    assert (media["state"], media["bytes"]) == ("accepted", tape.stat().st_size)
    assert media["sha256"] == hashlib.sha256(tape.read_bytes()).hexdigest()


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
