"""Uploads that are watched: a long file, a throttled line, the parts that came."""

import hashlib
import re
import wave
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.acceptance.system import System

PART_BYTES = 8 * 2**20
PARTS = 8
THIN = 6 * 2**20
"""Bytes a second: the tape takes some ten, and its first three parts four."""
BROKEN = "net::ERR_INTERNET_DISCONNECTED"


def make_tape(path: Path) -> Path:
    """Sound of seven parts and a bit, no two seconds of it alike."""
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
