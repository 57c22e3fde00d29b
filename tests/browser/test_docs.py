"""The API's docs in a browser: shown whole, tried out, nobody else asked."""

import json

from playwright.sync_api import Browser

from tests.acceptance.system import System

from .conftest import PATIENCE_MS, Watched


def test_the_docs_are_shown_and_a_call_is_made_from_them(browser: Browser, system: System) -> None:
    document = system.call("GET", "/openapi.json")
    operations = [one for item in document["paths"].values() for one in item.values()]
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    watched = Watched(context)
    page = context.new_page()
    page.goto(f"{system.gateway}/docs")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == len(operations)

    operation = page.locator("#operations-about-get_operations")
    operation.locator(".opblock-summary-control").click()
    assert 'curl -sS -i "$DARKROOM/operations"' in operation.locator(".opblock-description").inner_text()
    operation.get_by_role("button", name="Execute").click()
    live = operation.locator(".live-responses-table")
    live.locator(".response-col_status", has_text="200").wait_for()
    said = json.loads(live.locator(".response-col_description .microlight, .response-col_description pre").first.inner_text())
    assert said == system.call("GET", "/operations")

    context.close()
    assert watched.errors == []
    assert watched.origins() == {system.gateway}
