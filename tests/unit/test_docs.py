"""The documentation agrees with the repository: paths, commands, settings, states."""

import os
import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from gateway.domain import states
from gateway.domain import work as machine
from gateway.settings import Settings as GatewaySettings
from gateway.web.app import ROUTES
from infra.cli import configuration
from infra.cli.values import passed_on
from infra.objects.listener.settings import Settings as ListenerSettings
from schemas.errors import FailureClass

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
OURS = ("functions", "gateway", "infra", "knative", "schemas", "tests", "sample_data", "docs", ".ci", "Makefile", "pyproject.toml")
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
READ_FROM_ENVIRONMENT = re.compile(r"""environ(?:ment)?(?:\.get\(|\[)"([A-Z][A-Z_]+)"|_positive\(environment, "([A-Z][A-Z_]+)\"""")


def words(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", words(configuration.FILE), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_path_exists(page: Path) -> None:
    """`folder/file.py`, and `folder/file.py:name` with that name in the file; a bare word is no path."""
    for quoted in QUOTED.findall(words(page)):
        path, _, name = quoted.partition(":")
        if path.split("/")[0] not in OURS or " " in quoted or any(sign in quoted for sign in "*{<…"):
            continue
        if f"`{path}`:\n\n```" in words(page):
            continue  # the page itself writes it
        assert (REPOSITORY / path).exists(), f"{page.name}: {quoted}"
        if name:
            defined = rf"^\s*(?:async )?(?:def|class) {name}\b|^\s*{name}\b.*="
            assert re.search(defined, words(REPOSITORY / path), re.MULTILINE), f"{page.name}: {quoted}"


def test_every_test_that_a_guarantee_names_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", words(DOCS / "guarantees.md"))
    tests = words(REPOSITORY / "tests" / "integration" / "gateway" / "test_path.py")
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(words(page)):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_four_calls_are_those_that_the_acceptance_test_runs() -> None:
    test = words(REPOSITORY / "tests" / "acceptance" / "test_ways_in.py")
    (calls,) = re.findall(r'^DOCUMENTED = """\n(.*?)"""', test, re.MULTILINE | re.DOTALL)
    assert f"```sh\n{calls.replace(chr(92) * 2, chr(92))}```" in words(REPOSITORY / "README.md")


def test_what_the_readme_says_of_routes_is_so() -> None:
    app = Flask(__name__)
    for routes in ROUTES:
        app.register_blueprint(routes)
    there, missing = words(REPOSITORY / "README.md").split("Not there yet", 1)
    for text, expected in ((there, True), (missing, False)):
        routes = re.findall(r"`(GET|POST|PUT|DELETE) (/[a-z]+[^`]*)`", text)
        assert routes or not expected
        assert [route for route in routes if is_routed(app, *route) is not expected] == []


def is_routed(app: Flask, method: str, path: str) -> bool:
    try:
        app.url_map.bind("").match(path.replace("{id}", "x"), method)
    except (NotFound, MethodNotAllowed):
        return False
    return True


@pytest.mark.parametrize("target", re.findall(r"`make (\w+)`", words(REPOSITORY / "README.md")))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", words(REPOSITORY / "Makefile"), re.MULTILINE)


def test_the_settings_page_is_current() -> None:
    assert words(configuration.FILE) == configuration.document()


def test_every_variable_that_the_code_reads_is_documented() -> None:
    read = {
        name
        for package in ("functions", "gateway", "infra", "schemas")
        for file in (REPOSITORY / package).rglob("*.py")
        for names in READ_FROM_ENVIRONMENT.findall(words(file))
        for name in names
        if name
    }
    assert {"DATABASE_URL", "FFMPEG", "HEARTBEAT_S", "OPENCLIP_WEIGHTS"} <= read  # the pattern finds them
    assert read <= documented() | {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}  # which are set, not read


def test_up_passes_on_what_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name.upper() for settings in (GatewaySettings, ListenerSettings) for name in settings.model_fields}
    for name in names:
        monkeypatch.setitem(os.environ, name, "x")
    assert passed_on().keys() == names - configuration.DECIDED_BY_UP


@pytest.mark.parametrize("machine", [states.MediaState, states.WorkState, states.AttemptState, states.TaskState])
def test_every_state_is_drawn(machine: type) -> None:
    drawn = re.findall(r"```mermaid\n(.*?)```", words(DOCS / "guarantees.md"), re.DOTALL)
    names = {str(state) for state in machine}  # type: ignore[attr-defined]
    assert any(names <= set(re.findall(r"[a-z_]+", picture)) for picture in drawn)


WORDS = {
    "admit": lambda work, attempt: machine.admit(work) if work.state == "waiting" else (work, attempt),
    "sent": lambda work, attempt: (work, machine.sent(attempt)),
    "claim": lambda work, attempt: (work, machine.claim(attempt, "run")[0]),
    "completed": lambda work, attempt: _pair(machine.complete(work, attempt)),
    "no live task": machine.abandon,
    "a task": lambda work, attempt: (machine.attach(work), attempt),
    **{
        f"{end} {failure}": lambda work, attempt, end=end, failure=failure: _pair(
            machine.fail(work, attempt, machine.Failure(failure=failure), end=end)
        )
        for end in (states.AttemptState.FAILED, states.AttemptState.LOST)
        for failure in (FailureClass.INFRA, FailureClass.BAD_INPUT)
    },
}


def _pair(ending: machine.Ending) -> tuple[machine.Work, machine.Attempt]:
    return ending.work, ending.attempt


def moves() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Every change of a work and of its last attempt that the state machine makes, by walking all that can be reached."""
    works, attempts = set(), set()
    first = machine.Attempt(number=0, state=states.AttemptState.DONE)
    seen, todo = set(), [(machine.Work(state=states.WorkState.WAITING), first)]
    while todo:
        work, attempt = todo.pop()
        if (work, attempt) in seen or work.attempts > 8:
            continue
        seen.add((work, attempt))
        for word in WORDS.values():
            later, again = word(work, attempt)
            works.add((work.state, later.state))
            if again.number == attempt.number:
                attempts.add((attempt.state, again.state))
            todo.append((later, again))
    return {(str(a), str(b)) for a, b in works if a != b}, {(str(a), str(b)) for a, b in attempts if a != b}


def drawn(heading: str) -> set[tuple[str, str]]:
    picture = words(DOCS / "guarantees.md").partition(f"### {heading}")[2].partition("```mermaid")[2].partition("```")[0]
    return set(re.findall(r"^ *(\w+) --> (\w+)", picture, re.MULTILINE))


def test_works_and_attempts_are_drawn_as_they_move() -> None:
    works, attempts = moves()
    assert drawn("Attempt") == attempts
    assert drawn("Work") == works | {("waiting", "failed")}  # by `gateway.service.admission`: there is no source


def test_decisions_are_numbered_once_without_gaps() -> None:
    numbers = sorted(path.name[:4] for path in (DOCS / "adr").glob("*.md"))
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_says_what_was_rejected(page: Path) -> None:
    headings = re.findall(r"^## (\w+)", words(page), re.MULTILINE)
    assert [name for name in headings if name in ("Context", "Decision", "Rejected")] == ["Context", "Decision", "Rejected"]
