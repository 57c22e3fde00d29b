"""A house that nobody has used yet and that asks for keys: signing in, what a key may not see, and what stands where nothing is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.api.conftest import make_key
from tests.acceptance.system import System, running

from .conftest import LIVE, Opener, serious

FORM = "#sign-in-form"
REFUSED = "status of 401"
EMPTY = {
    "#/jobs": ("No jobs yet.", "Drop a file anywhere on this page, or press U"),
    "#/jobs?state=queued": ("Nothing waits.", "drop a file anywhere on this page, or press U"),
    "#/jobs?state=running": ("Nothing runs right now.", "drop a file anywhere on this page, or press U"),
    "#/jobs?state=done": ("Nothing is done yet.", "Drop a file anywhere on this page, or press U"),
    "#/jobs?state=failed": ("Nothing has failed.", "press Retry"),
    "#/jobs?state=cancelled": ("Nothing was cancelled.", "Press Cancel in the row of a job"),
    "#/gallery": ("The contact sheet is empty.", "Drop pictures, clips or sound anywhere on this page, or press U."),
    "#/letters": ("No dead letters.", "its letters will be here to redrive"),
}
"""What each address says, and what it says to do next."""


@pytest.fixture(scope="module")
def system(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("fresh"), REQUIRE_KEYS="true") as up:
        yield up


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_key_is_refused_in_words_and_a_right_one_signs_in(open_page: Opener, system: System) -> None:
    page = open_page(until=FORM, expects=[REFUSED])
    assert serious(page) == []
    sign_in(page, "dk_of_another_house")
    expect(page.get_by_role("alert")).to_have_text("This API key is not known here, or was revoked.")
    assert serious(page) == []
    sign_in(page, make_key(system))
    page.wait_for_selector(LIVE)
    expect(page.locator("#figures")).to_contain_text("done in the last two minutes")
    expect(page.locator("#no-stats")).to_be_hidden()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.goto(f"{system.gateway}/dashboard")
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_key_without_admin_sees_no_statistics_and_no_letters(open_page: Opener, system: System) -> None:
    page = open_page(until=FORM)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(system.gateway)))
    sign_in(page, make_key(system, ["read", "write"]))
    page.wait_for_selector(LIVE)
    expect(page.locator("#no-stats")).to_contain_text("Statistics need a key with the scope admin.")
    expect(page.locator("#nothing-yet")).to_be_visible()
    for left_out in ("On the line", "Functions", "Failures, last 24 hours"):
        expect(page.get_by_role("heading", name=left_out)).to_be_visible(visible=left_out == "On the line")
    expect(page.locator("#figures")).to_be_hidden()
    assert serious(page) == []
    page.get_by_role("link", name="Dead letters").click()
    expect(page.locator("#letter-empty")).to_contain_text("They need a key with the scope admin.")
    assert [path for path in asked if path.startswith(("/stats", "/dead-letters"))] == []


def test_what_is_empty_says_what_to_do_next(open_page: Opener, system: System) -> None:
    page = open_page(until=FORM)
    sign_in(page, make_key(system))
    page.wait_for_selector(LIVE)
    expect(page.locator("#nothing-yet")).to_contain_text("Nothing has been developed yet. Drop pictures, clips or sound")
    expect(page.locator("#failures")).to_contain_text("None. What fails is counted here by its class")
    found = serious(page)
    for address, (lead, then) in EMPTY.items():
        page.evaluate("address => { location.hash = address }", address)
        said = page.locator(".empty:visible")
        expect(said.locator(".lead")).to_have_text(lead)
        expect(said).to_contain_text(then)
        found += serious(page)
    page.evaluate("location.hash = '#/jobs?state=failed'")
    page.get_by_label("Search jobs").fill("holiday")
    expect(page.locator("#job-empty")).to_contain_text("No failed job is found for “holiday”.")
    expect(page.locator("#job-empty")).to_contain_text("Empty it, or look among all jobs.")
    page.get_by_role("button", name="all", exact=True).click()
    expect(page.locator("#job-empty")).to_contain_text("No job is found for “holiday”.")
    expect(page.locator("#job-empty")).to_contain_text("Empty it to see every job.")
    found += serious(page)
    page.get_by_role("link", name="Gallery").click()
    page.get_by_role("button", name="video", exact=True).click()
    expect(page.locator("#media-empty")).to_contain_text("or show all kinds")
    found += serious(page)
    assert found == []
