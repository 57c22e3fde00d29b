"""Every route × who may come through it. The routes are the application's own: one without a row here fails."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.routing import Rule

from gateway.bootstrap import Gateway
from gateway.domain.access import Scope
from gateway.service.arrivals import expire
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import NOW, MediaRow, UploadRow
from gateway.web import access
from gateway.web.app import create_app
from infra.objects.memory import MemoryObjects

from .conftest import House, running_house
from .doors import STREAM, Tenants, furnished, two_tenants

READ, WRITE, ADMIN, ANY, OPEN = Scope.READ, Scope.WRITE, Scope.ADMIN, "any", "open"
MAX_UPLOAD_BYTES = 100_000
TOO_LARGE_BYTES = 3 << 20
FOREIGN_JOB = {"media_id": "{media_id}", "operations": ["thumbnail"]}
GRANT = {"filename": "a.jpg", "content_type": "image/jpeg", "bytes": 9}
PARTS = {"parts": [{"part_number": 1, "etag": "no-part"}]}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One route and method, and what each who comes gets. `own`: `a` itself; `foreign`: `b`, with ids of `a`. `oversize`: whoever may, with
    a body beyond the bound; None where the route reads no body, and answers as it does without one. `expired`: `a` itself, once its
    grant has expired; the store refuses the grant's own form and URLs then (tests/unit/objects/contract.py)."""

    needs: str
    own: int
    foreign: int
    json: Any = None
    data: bytes | None = None
    oversize: int | None = None
    expired: int | None = None


ROWS: dict[tuple[str, str], Row] = {
    ("POST", "/media"): Row(needs=WRITE, own=201, foreign=201, data=b"the bytes of a", oversize=413),
    ("GET", "/media"): Row(needs=READ, own=200, foreign=200),
    ("GET", "/media/<media_id>"): Row(needs=READ, own=200, foreign=404),
    ("DELETE", "/media/<media_id>"): Row(needs=WRITE, own=204, foreign=404),
    ("GET", "/media/<media_id>/artifacts"): Row(needs=READ, own=200, foreign=404),
    ("GET", "/media/<media_id>/original"): Row(needs=READ, own=302, foreign=404),
    ("GET", "/media/<media_id>/similar"): Row(needs=READ, own=409, foreign=404),
    ("POST", "/media/<media_id>/probe"): Row(needs=WRITE, own=409, foreign=404),
    ("POST", "/uploads"): Row(needs=WRITE, own=201, foreign=201, json=GRANT, oversize=413),
    ("GET", "/uploads/<upload_id>"): Row(needs=WRITE, own=200, foreign=404, expired=200),
    ("POST", "/uploads/<upload_id>/complete"): Row(needs=WRITE, own=422, foreign=404, json=PARTS, oversize=413, expired=410),
    ("DELETE", "/uploads/<upload_id>"): Row(needs=WRITE, own=204, foreign=404, expired=204),
    ("GET", "/artifacts/<artifact_id>/download"): Row(needs=READ, own=302, foreign=404),
    ("POST", "/jobs"): Row(needs=WRITE, own=202, foreign=404, json=FOREIGN_JOB, oversize=413),
    ("GET", "/jobs"): Row(needs=READ, own=200, foreign=200),
    ("GET", "/jobs/<job_id>"): Row(needs=READ, own=200, foreign=404),
    ("GET", "/jobs/<job_id>/events"): Row(needs=READ, own=200, foreign=404),
    ("DELETE", "/jobs/<job_id>"): Row(needs=WRITE, own=202, foreign=404),
    ("POST", "/jobs/<job_id>/retry"): Row(needs=WRITE, own=409, foreign=404, json={}, oversize=413),
    ("GET", "/webhooks"): Row(needs=READ, own=200, foreign=200),
    ("POST", "/webhooks/<webhook_id>/redrive"): Row(needs=WRITE, own=409, foreign=404),  # it was delivered
    ("GET", "/events"): Row(needs=READ, own=200, foreign=200),
    ("GET", "/stats"): Row(needs=ADMIN, own=200, foreign=200),
    ("GET", "/dead-letters"): Row(needs=ADMIN, own=200, foreign=200),
    ("POST", "/dead-letters/<letter_id>/redrive"): Row(needs=ADMIN, own=202, foreign=404),
    ("GET", "/operations"): Row(needs=READ, own=200, foreign=200),
    ("GET", "/session"): Row(needs=ANY, own=200, foreign=200),
    ("POST", "/session"): Row(needs=OPEN, own=401, foreign=401, json={"key": "dk_nobody's"}, oversize=413),
    ("DELETE", "/session"): Row(needs=OPEN, own=204, foreign=204),
    ("GET", "/healthz"): Row(needs=OPEN, own=200, foreign=200),
    ("GET", "/readyz"): Row(needs=OPEN, own=200, foreign=200),
    ("GET", "/openapi.json"): Row(needs=OPEN, own=200, foreign=200),
    ("GET", "/docs"): Row(needs=OPEN, own=200, foreign=200),
    ("GET", "/docs/<name>"): Row(needs=OPEN, own=404, foreign=404),
    ("GET", "/"): Row(needs=OPEN, own=302, foreign=302),
    ("GET", "/dashboard"): Row(needs=OPEN, own=200, foreign=200),
    ("GET", "/dashboard/<name>"): Row(needs=OPEN, own=200, foreign=200),
}


def row_of(one: str) -> Row:
    """The row of `METHOD /path`."""
    method, path = one.split(" ")
    return ROWS[method, path]


IDS = sorted(f"{method} {path}" for method, path in ROWS)
GUARDED = [one for one in IDS if row_of(one).needs != OPEN]
SCOPED = [one for one in GUARDED if row_of(one).needs != ANY]


def rules() -> Iterator[tuple[str, Rule]]:
    """Method and rule of each of the application's own routes."""
    settings = Settings(database_url="postgresql://x", object_store_url="memory", attempt_token_key="0" * 16)
    app = create_app(Gateway(settings=settings, database=Database("postgresql://x"), objects=MemoryObjects()))
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, rule


@pytest.fixture(scope="module")
def tenants(_shared_postgres: Any) -> Iterator[Tenants]:
    """One scene for every test that leaves `a`'s rows as they are."""
    with running_house(_shared_postgres.new_database()) as house:
        yield furnished(two_tenants(house, max_upload_bytes=MAX_UPLOAD_BYTES))


def asked(tenants: Tenants, one: str, key: str | None, **more: Any) -> Any:
    """The row's own request, about what `a` has, by whoever has this key."""
    row, (method, path) = row_of(one), one.split(" ")
    for name, value in {**tenants.ids, "name": "dashboard.css"}.items():
        path = path.replace(f"<{name}>", value)
    if row.json is not None:
        more = {"json": json.loads(json.dumps(row.json).replace("{media_id}", tenants.ids["media_id"])), **more}
    elif row.data is not None:
        more = {"data": row.data, "content_type": "image/jpeg", **more}
    return tenants.ask(method, path, key, **more)


def ledger(tenants: Tenants) -> dict[str, list[str]]:
    """All that tenant `a` has, as text."""
    mine = {
        "media": "select media::text from media where tenant = 'a'",
        "job": "select job::text from job where tenant = 'a'",
        "task": "select task::text from task join job on job.id = task.job_id where job.tenant = 'a'",
        "work": "select work::text from work where tenant = 'a'",
        "dead_letter": "select dead_letter::text from dead_letter where tenant = 'a'",
        "upload": "select upload::text from upload join media on media.id = upload.media_id where media.tenant = 'a'",
        "doomed_object": "select doomed_object::text from doomed_object",
    }
    with tenants.house.gateway.database.transaction() as session:
        return {table: sorted(session.scalars(text(query)).all()) for table, query in mine.items()}


def is_problem(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["status"] == status


def test_every_route_has_a_row() -> None:
    assert {(method, rule.rule) for method, rule in rules()} == ROWS.keys()


def test_the_table_of_scopes_is_as_written_here() -> None:
    assert {rule.endpoint: ROWS[method, rule.rule].needs for method, rule in rules()} == access.ROUTES


def test_a_route_without_a_scope_does_not_start(house: House) -> None:
    app = create_app(house.gateway)
    app.add_url_rule("/secret", endpoint="secret", view_func=lambda: "told")
    with pytest.raises(LookupError, match="secret"):
        access.install(app)


@pytest.mark.parametrize("one", IDS)
def test_no_key(tenants: Tenants, one: str) -> None:
    before = ledger(tenants)
    row = row_of(one)
    answer = asked(tenants, one, None)
    if row.needs == OPEN:
        assert answer.status_code == row.own
        return
    is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert ledger(tenants) == before


@pytest.mark.parametrize("one", GUARDED)
def test_wrong_key(tenants: Tenants, one: str) -> None:
    before = ledger(tenants)
    for key in (tenants.unknown, tenants.a[:-1] + ("0" if tenants.a[-1] != "0" else "1"), "dk_", "x" * 5000):
        is_problem(asked(tenants, one, key), 401)
    is_problem(asked(tenants, one, None, headers={"Authorization": f"Basic {tenants.a}"}), 401)
    assert ledger(tenants) == before


@pytest.mark.parametrize("one", GUARDED)
def test_revoked_key(tenants: Tenants, one: str) -> None:
    before = ledger(tenants)
    is_problem(asked(tenants, one, tenants.revoked), 401)
    assert ledger(tenants) == before


@pytest.mark.parametrize("one", SCOPED)
def test_too_small_a_scope(tenants: Tenants, one: str) -> None:
    before = ledger(tenants)
    needs = row_of(one).needs
    for scope, key in tenants.a_only.items():
        if scope != needs:
            is_problem(asked(tenants, one, key), 403)
    assert ledger(tenants) == before


@pytest.mark.parametrize("one", IDS)
def test_another_tenants_key(tenants: Tenants, one: str) -> None:
    """Nothing of `a` is told to `b`, and nothing of it changes."""
    before = ledger(tenants)
    row = row_of(one)
    answer = asked(tenants, one, tenants.b)
    assert answer.status_code == row.foreign, answer.text
    if "<" in one and row.needs != OPEN:
        assert answer.status_code == 404
    if answer.mimetype != STREAM and answer.status_code != 404:  # a 404 names the id that was asked for
        for name, value in tenants.ids.items():
            assert value not in answer.text, name
    assert ledger(tenants) == before


@pytest.mark.parametrize("one", [one for one in IDS if row_of(one).oversize])
def test_oversize_body(tenants: Tenants, one: str) -> None:
    before = ledger(tenants)
    is_problem(asked(tenants, one, tenants.a, **too_large(one)), row_of(one).oversize or 0)
    assert ledger(tenants) == before


@pytest.mark.parametrize("large", [False, True], ids=["as it is", "with a large body that nobody reads"])
def test_own_key(house: House, large: bool) -> None:
    """Each route, with the one scope that it needs; what deletes comes last."""
    tenants = furnished(two_tenants(house, max_upload_bytes=MAX_UPLOAD_BYTES))
    for one in sorted(IDS, key=how_much_goes):
        row = row_of(one)
        if large and row.oversize:
            continue
        key = tenants.a_only[Scope(row.needs)] if row.needs in tuple(Scope) else tenants.a
        answer = asked(tenants, one, key, **(too_large(one) if large else {}))
        assert answer.status_code == row.own, f"{one}: {answer.status_code} {answer.text[:300]}"


def test_expired_grant(house: House) -> None:
    """Every route of a grant, once its time is over: it hands out no URL, and takes no object."""
    tenants = furnished(two_tenants(house))
    of_grants = [one for one in IDS if "<upload_id>" in one]
    assert [one for one in of_grants if row_of(one).expired is None] == []
    with house.gateway.database.transaction() as session:
        grant = session.get_one(UploadRow, tenants.ids["upload_id"])
        grant.expires_at = NOW
        expire(session, session.get_one(MediaRow, grant.media_id))
    for one in sorted(of_grants, key=how_much_goes):
        answer = asked(tenants, one, tenants.a)
        assert answer.status_code == row_of(one).expired, f"{one}: {answer.text}"
        assert "http" not in answer.text
    assert tenants.ask("GET", "/media", tenants.a).get_json()["media"][0]["state"] != "awaiting_upload"


def how_much_goes(one: str) -> tuple[bool, bool]:
    """For an order in which nothing is asked for that was deleted before."""
    return one.startswith("DELETE"), one == "DELETE /media/<media_id>"


def too_large(one: str) -> dict[str, Any]:
    """A body beyond any bound of this row."""
    kind = "image/jpeg" if row_of(one).data is not None else "application/json"
    return {"data": b" " * TOO_LARGE_BYTES, "content_type": kind, "json": None}
