"""A page whose stream breaks: it says so, comes again by itself, and has then missed nothing."""

import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.acceptance.system import System, eventually, is_free

from .conftest import SAMPLES, Opener, drop, kill


def test_the_gateway_is_killed_and_comes_back(open_page: Opener, system: System, tmp_path: Path) -> None:
    during, after = (Path(shutil.copy(SAMPLES / "coffee.png", tmp_path / name)) for name in ("during.png", "after.png"))
    port = int(system.gateway.rpartition(":")[2])
    page = open_page("#/jobs", expects=["net::ERR_"])
    page.evaluate("window.never_reloaded = true")
    kill(system, "gateway")
    expect(page.locator("#live")).to_have_text("reconnecting")
    eventually(lambda: is_free(port), lambda free: not free, 60)
    media_id = system.upload(during, ["thumbnail"])
    expect(page.locator("#live")).to_have_text("live")
    rows = page.locator("#job-list > li")
    expect(rows.filter(has_text=during.name).locator(".state")).to_have_text("done")
    drop(page, after)
    expect(rows.filter(has_text=after.name).locator(".state")).to_have_text("done")
    assert system.job_of(media_id)["state"] == "done"
    assert page.evaluate("window.never_reloaded")
