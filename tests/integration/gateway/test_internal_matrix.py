"""Every route of the internal listener × (no token, another attempt's, a wrong one, oversize body). None of it moves an attempt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.internal.app import MAX_BODY_BYTES
from schemas import envelope, events
from schemas.payloads import Requested

from .conftest import House


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a route answers. `tokenless` is for who brings none, `forged` for who brings one that is not this attempt's."""

    tokenless: int
    forged: int
    oversize: int


QUARANTINED = 204
ROWS: Mapping[str, Row] = {
    "POST /internal/events": Row(tokenless=QUARANTINED, forged=QUARANTINED, oversize=413),
    "POST /internal/dead-letters": Row(tokenless=QUARANTINED, forged=QUARANTINED, oversize=413),
    "POST /internal/heartbeats": Row(tokenless=400, forged=403, oversize=413),
    "GET /healthz": Row(tokenless=204, forged=204, oversize=204),  # open, and they read no body
    "GET /metrics": Row(tokenless=200, forged=200, oversize=200),
}


def claimed_and_another(house: House) -> tuple[Requested, Requested]:
    """Two attempts that were sent; the first one is claimed."""
    for data in (b"one", b"another"):
        house.upload(data, operations="none")
    first, second = house.relay()
    assert house.beat(first) == "go"
    return first, second


def sent(house: House, one: str, request: Requested, token: str | None) -> TestResponse:
    """The word of a function that brings this token, to that route."""
    method, path = one.split(" ")
    if path == "/internal/heartbeats":
        beat = {"attempt_id": request.attempt_id, "run_id": "run", **({"token": token} if token is not None else {})}
        return house.internal.open(path, method=method, json=beat)
    data = {name: value for name, value in {**house.completed(request), "token": token}.items() if value is not None}
    event_id = events.completed_id(request.attempt_id)
    event = envelope.Event(id=event_id, source="/test", type=events.COMPLETED, data=data, subject=None, extensions={})
    headers, body = envelope.to_binary(event)
    return house.internal.open(path, method=method, headers=headers, data=body if method == "POST" else None)


def ledger(house: House) -> dict[str, list[str]]:
    """What only an attempt's own function may change."""
    with house.gateway.database.transaction() as session:
        tables = ("attempt", "work", "media", "artifact", "task")
        return {table: sorted(session.scalars(text(f"select {table}::text from {table}")).all()) for table in tables}


def quarantined(house: House) -> int:
    with house.gateway.database.transaction() as session:
        return session.execute(text("select count(*) from dead_letter")).scalar_one()


def test_every_route_has_a_row(house: House) -> None:
    rules = house.internal.application.url_map.iter_rules()
    assert {f"{method} {rule.rule}" for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}} == ROWS.keys()


@pytest.mark.parametrize("one", ROWS)
def test_no_token(house: House, one: str) -> None:
    first, _ = claimed_and_another(house)
    before = ledger(house)
    assert sent(house, one, first, None).status_code == ROWS[one].tokenless
    assert ledger(house) == before
    assert quarantined(house) == (ROWS[one].tokenless == QUARANTINED and one.startswith("POST"))


@pytest.mark.parametrize("wrong", ["another attempt's", "", "\u00e9"])
@pytest.mark.parametrize("one", ROWS)
def test_a_token_that_is_not_this_attempts(house: House, one: str, wrong: str) -> None:
    first, second = claimed_and_another(house)
    before = ledger(house)
    token = second.token if wrong.startswith("another") else wrong
    assert sent(house, one, first, token).status_code == ROWS[one].forged
    assert ledger(house) == before
    assert quarantined(house) == (ROWS[one].forged == QUARANTINED and one.startswith("POST"))


@pytest.mark.parametrize("one", ROWS)
def test_oversize_body(house: House, one: str) -> None:
    before = ledger(house)
    method, path = one.split(" ")
    answer = house.internal.open(path, method=method, data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json")
    assert answer.status_code == ROWS[one].oversize
    assert ledger(house) == before


@pytest.mark.parametrize("one", ["POST /internal/events", "POST /internal/dead-letters", "POST /internal/heartbeats"])
def test_its_own_token(house: House, one: str) -> None:
    """The same words count with it: what the others were refused for is the token."""
    first, _ = claimed_and_another(house)
    before = json.dumps(ledger(house))
    assert sent(house, one, first, first.token).status_code == (200 if one.endswith("heartbeats") else 204)
    assert quarantined(house) == 0
    assert json.dumps(ledger(house)) != before
