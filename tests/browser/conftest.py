"""A real system, and Chromium in front of it. Every page is watched, those that it opens among them: what its console says, whom it asks
for anything, and, as a test leaves it, what axe finds."""

import base64
import mimetypes
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.acceptance.system import REPOSITORY, System, running

SAMPLES = REPOSITORY / "sample_data"
SCREENSHOTS = REPOSITORY / "build" / "screenshots"
LIVE = "#live[data-live=on]"
PATIENCE_MS = 60_000
"""A busy machine's; a quiet one needs next to none of it."""
NOT_OURS = "net::ERR_NETWORK_CHANGED"
"""Chromium gives up what it loads when an interface of the machine comes or goes, which containers beside the tests do."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's. Skips where there is none, and fails in CI."""
    found = shutil.which("chromium")
    if found is None:
        reason = "no chromium on the PATH: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def change(path: Path, edit: Callable[[Any], None]) -> None:
    document = yaml.safe_load(path.read_text())
    edit(document)
    path.write_text(yaml.safe_dump(document))


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """For a module: Playwright's event loop runs in this thread for as long, and no other test could have one of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As long as this file exists, embed answers 503."""
    return tmp_path_factory.mktemp("mood") / "moody"


@pytest.fixture(scope="package")
def system(chromium: str, moody: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, whose broker gives up after two tries, and whose embed has moods."""
    manifests = Path(shutil.copytree(REPOSITORY / "knative" / "base", tmp_path_factory.mktemp("manifests") / "base"))
    (broker,) = [path for path in (manifests / "broker").glob("*.yaml") if "kind: Broker" in path.read_text()]
    change(broker, lambda document: document["spec"]["delivery"].update({"retry": 1, "backoffDelay": "PT0.1S"}))

    def edit(document: Any) -> None:
        environment = document["spec"]["template"]["spec"]["containers"][0]["env"]
        next(one for one in environment if one["name"] == "FUNCTION_SOURCE")["value"] = str(REPOSITORY / "tests/browser/moody_embed.py")
        environment.append({"name": "MOODY", "value": str(moody)})

    change(manifests / "embed" / "service.yaml", edit)
    with running(tmp_path_factory.mktemp("darkroom"), manifests=manifests) as up:
        yield up


class Watched:
    """What the pages of a context have said and asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.cut_off = False
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if NOT_OURS in message.text:
            self.cut_off = True
        elif message.type in ("error", "warning"):
            self.errors.append(message.text)

    def origins(self) -> set[str]:
        return {"/".join(url.split("/")[:3]) for url in self.asked if url.startswith("http")}


def serious(page: Page) -> list[str]:
    """What axe finds serious or worse on a page as it is now."""
    violations = Axe().run(page).response["violations"]
    grave = [one for one in violations if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']][:3]}" for one in grave]


Opener = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, system: System) -> Iterator[Opener]:
    """Opens the dashboard, watched. At the end axe finds nothing serious on what the test has left open of the gateway, the consoles have
    said nothing but what the test expects, and nobody else was asked."""
    opened: list[tuple[BrowserContext, Watched, Sequence[str]]] = []

    def open_(
        hash_: str = "#/", *, until: str = LIVE, expects: Sequence[str] = (), width: int = 1280, height: int = 860, **context: Any
    ) -> Page:
        made = browser.new_context(viewport={"width": width, "height": height}, **context)
        made.set_default_timeout(PATIENCE_MS)
        watched = Watched(made)
        opened.append((made, watched, expects))
        page = made.new_page()
        page.goto(f"{system.gateway}/dashboard{hash_}")
        try:
            page.wait_for_selector(until)
        except PlaywrightTimeout:
            if not watched.cut_off:
                raise
            page.reload()  # a script that was given up is not asked for again
            page.wait_for_selector(until)
        return page

    yield open_
    for context, watched, expects in opened:
        found = [one for page in context.pages if page.url.startswith(system.gateway) for one in serious(page)]
        context.close()
        assert found == []
        assert [error for error in watched.errors if not any(one in error for one in expects)] == []
        assert watched.origins() <= {system.gateway, store_origin(system)}


def store_origin(system: System) -> str:
    """Where the gateway lets the page go besides itself, by its own word."""
    policy = system.http.request("GET", system.gateway + "/dashboard").headers["Content-Security-Policy"]
    (connect,) = [one.split() for one in policy.split(";") if one.split()[0] == "connect-src"]
    assert len(connect) == 3, connect
    return connect[2]


def kill(system: System, name: str) -> None:
    """kill -9 of a Deployment's process, with its children; the platform starts it anew."""
    (master,) = (one["pid"] for one in system.instances()[name]["instances"])
    os.killpg(master, signal.SIGKILL)


def drop(page: Page, *paths: Path) -> None:
    """Drags files over the page and lets them go."""
    files = [
        {"name": path.name, "type": mimetypes.guess_type(path.name)[0] or "", "bytes": base64.b64encode(path.read_bytes()).decode()}
        for path in paths
    ]
    carried = page.evaluate_handle(
        """files => {
            const carried = new DataTransfer();
            for (const { name, type, bytes } of files) {
                carried.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], name, { type }));
            }
            return carried;
        }""",
        files,
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": carried})
    page.get_by_text("Let go to develop").wait_for()
    page.dispatch_event("body", "drop", {"dataTransfer": carried})
