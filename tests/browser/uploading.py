"""Uploads that are watched: a long file, a throttled line, the parts that came."""

import hashlib
import re
import wave
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.acceptance.system import System

PART_BYTES = 8 * 2**20
PARTS = 8
THIN = 6 * 2**20
"""Bytes a second: the tape takes some ten, and its first three parts four."""
BROKEN = "net::ERR_INTERNET_DISCONNECTED"


def make_tape(path: Path, parts: int = PARTS) -> Path:
    """Sound of so many parts, the last of them short; no two seconds of it alike."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        for n in range(((parts - 1) * PART_BYTES + 400_000) // 192_000):
            file.writeframes(hashlib.sha256(str(n).encode()).digest() * 6000)
    return path


class Line:
    """The page's line to the world, by the browser's own throttle."""

    def __init__(self, page: Page) -> None:
        self._broken = False
        self._held: list[str] = []
        self._session = page.context.new_cdp_session(page)
        self._session.on("Fetch.requestPaused", self._hold)
        self._session.send("Network.enable")

    def carries(self, bytes_a_second: int) -> None:
        """So much up; at 0 it is broken, for what is under way or held back, too."""
        self._broken = bytes_a_second == 0
        conditions = {"offline": self._broken, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
        self._session.send("Network.emulateNetworkConditions", conditions)
        while self._broken and self._held:
            self._break_off(self._held.pop())

    def _hold(self, paused: dict[str, str]) -> None:
        if self._broken:
            self._break_off(paused["requestId"])
        else:
            self._held.append(paused["requestId"])

    def _break_off(self, request_id: str) -> None:
        self._session.send("Fetch.failRequest", {"requestId": request_id, "errorReason": "InternetDisconnected"})

    def holds_back(self, *url_patterns: str, stage: str = "Request") -> None:
        """Requests for these do not leave the browser, or their answers do not reach the page, however long a test on a busy machine takes
        to look. None: all go."""
        self._session.send("Fetch.disable")
        self._held.clear()
        if url_patterns:
            self._session.send("Fetch.enable", {"patterns": [{"urlPattern": pattern, "requestStage": stage} for pattern in url_patterns]})

    def holds(self) -> bool:
        return bool(self._held)

    def holds_back_parts_from(self, first: int) -> None:
        self.holds_back(*(f"*{name}={part}*" for part in range(first, PARTS + 1) for name in ("part", "partNumber")))


def parts_that_came(page: Page) -> Counter[int]:
    """How often the store has said 200 to each part, from now on."""
    came: Counter[int] = Counter()

    def count(answer: Any) -> None:
        request = answer.request
        query = {name.lower(): values for name, values in parse_qs(urlsplit(request.url).query).items()}
        if request.method == "PUT" and answer.status == 200:
            came[int((query.get("partnumber") or query["part"])[0])] += 1

    page.on("response", count)
    return came


def check_each_part_went_once(came: Counter[int], held_from: int) -> None:
    """What the store had was not sent again. The answer to a part that was under way at a break may be lost, though the part is there; none
    of those that had been held back from `held_from` on was."""
    assert set(range(held_from, PARTS + 1)) <= set(came) <= set(range(1, PARTS + 1))
    assert set(came.values()) == {1}


def choose(page: Page, path: Path) -> None:
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_label("Drop files here").set_input_files(path)


def check_whole(page: Page, system: System, path: Path) -> None:
    """What came last of a file of this name is this file, whole."""
    item = page.locator("#tray-list > li", has_text=path.name).first
    expect(item).to_have_attribute("data-upload", re.compile("done|failed"), timeout=120_000)
    (media,) = system.call("GET", f"/media?q={path.stem}&limit=1")["media"]
    media = system.judged(media["media_id"])
    assert (media["state"], media["bytes"]) == ("accepted", path.stat().st_size)
    assert media["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
