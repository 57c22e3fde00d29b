"""docs/events.md: current, whole, and its examples are events."""

import re

import pytest

from infra.cli import events as page
from schemas import envelope, events


@pytest.fixture(scope="module")
def text() -> str:
    return page.document()


def test_the_page_is_current(text: str) -> None:
    assert page.FILE.read_text() == text


def test_every_type_is_in_it() -> None:
    told = {name for entry in page.ENTRIES for name in entry.types}
    assert told == events.OWN_TYPES | events.UPLOAD_TYPES | set(events.JOB_TYPES.values())


def test_every_field_says_what_it_means(text: str) -> None:
    rows = re.findall(r"^\| `([a-z_0-9.\[\]]+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert len(rows) > 80
    assert [name for name, kind, meaning in rows if not kind or not meaning] == []


@pytest.mark.parametrize("entry", page.ENTRIES, ids=lambda entry: entry.title)
def test_an_example_is_an_event_of_its_type(entry: page.Entry) -> None:
    assert entry.example.type in entry.types
    headers, body = (envelope.to_structured if entry.structured else envelope.to_binary)(entry.example)
    again = envelope.parse(headers, body)
    assert again == entry.example
    if entry.model is not None:
        entry.model.model_validate(again.data)


def test_what_a_trigger_filters_on_is_on_the_request() -> None:
    requested = next(entry.example for entry in page.ENTRIES if events.REQUESTED in entry.types)
    assert (requested.operation, requested.lane) == ("thumbnail", "request")
    assert requested.id == requested.data["attempt_id"]
