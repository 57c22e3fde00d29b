"""Every view, in light and dark, at desktop and phone width: axe finds nothing serious, nothing is wider than the screen, and there is a
picture of it in build/screenshots."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.acceptance.system import System

from .conftest import SAMPLES, SCREENSHOTS, Opener, serious

WIDTHS = {"desktop": (1280, 860), "phone": (390, 800), "narrow": (360, 740)}
VIEWS = ("overview", "jobs", "gallery", "letters", "job", "media", "upload", "shortcuts")


@pytest.fixture(scope="module")
def shown(system: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A house that has been lived in: the addresses of its views."""
    folder = tmp_path_factory.mktemp("shown")
    for name in ("hubble.jpg", "china.jpg", "flower.jpg", "phone_portrait.jpg", "broken.jpg"):
        system.upload(SAMPLES / name, ["thumbnail"])
    system.upload(SAMPLES / "tune.mp3")
    clip = system.upload(Path(shutil.copy(SAMPLES / "phone_rotated.mov", folder / "holiday.mov")), ["thumbnail", "transcode_240p"])
    assert system.job_of(clip)["state"] == "done"
    failed = system.upload(Path(shutil.copy(SAMPLES / "broken.jpg", folder / "torn.jpg")), ["thumbnail"])
    return {
        "overview": "#/", "jobs": "#/jobs", "gallery": "#/gallery", "letters": "#/letters", "upload": "#/", "shortcuts": "#/",
        "job": f"#/jobs/{system.job_of(failed)['job_id']}", "media": f"#/gallery/{clip}",
    }  # fmt: skip


SHOWS = {
    "overview": ["#functions tr", "#failures meter", "#latest > li"],
    "jobs": ["#job-states button span", "#job-list > li img"],
    "gallery": ["#media-list img"],
    "letters": ["#letter-list > li, #letter-empty:not([hidden])"],
    "job": ["#sheet[open] .task"],
    "media": ["#sheet[open] .view video", "#sheet[open] .files .button"],
    "upload": ["#upload[open] input[value=embed]"],
    "shortcuts": ["#shortcuts[open] #shortcut-list kbd"],
}
"""What stands in a view once everything has come."""
STILL = """() => document.fonts.status === 'loaded'
    && [...document.querySelectorAll('main > section:not([hidden]) img')].slice(0, 4).every(one => one.complete && one.naturalWidth)
    && document.getAnimations().every(one => one.playState !== 'running')"""


def at_rest(page: Page, view: str) -> None:
    if view in ("upload", "shortcuts"):
        page.keyboard.press({"upload": "u", "shortcuts": "?"}[view])
    for selector in SHOWS[view]:
        page.wait_for_selector(selector)
    page.wait_for_function(STILL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_views(open_page: Opener, shown: dict[str, str], scheme: str, width: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    across, down = WIDTHS[width]
    found: list[str] = []
    for view in VIEWS:
        page = open_page(shown[view], width=across, height=down, color_scheme=scheme, reduced_motion="reduce")
        at_rest(page, view)
        page.screenshot(path=SCREENSHOTS / f"{view}-{width}-{scheme}.png")
        wide = page.evaluate("Math.max(document.documentElement.scrollWidth, document.querySelector('dialog[open]')?.scrollWidth ?? 0)")
        if wide > across:
            found.append(f"{view}: {wide} px wide")
        found += [f"{view}: {one}" for one in serious(page)]
        page.context.close()
    assert found == []


def test_nothing_moves_for_who_wants_that(open_page: Opener, shown: dict[str, str]) -> None:
    page = open_page("#/gallery", reduced_motion="reduce")
    page.get_by_role("link", name="holiday.mov").hover()
    page.wait_for_timeout(500)
    assert page.locator("#media-list video").count() == 0
