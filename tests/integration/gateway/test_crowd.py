"""With 100,000 jobs in the ledger no list reads more of it than its page. The statements are those that the service sends."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.bootstrap import Gateway
from gateway.domain.states import MediaState, TaskState
from gateway.domain.webhooks import WebhookState
from gateway.service.changes import fingerprints, recent_jobs, recent_media
from gateway.settings import Settings
from gateway.store.database import Database
from infra.migrations import upgrade
from infra.objects.memory import MemoryObjects
from schemas.facts import Kind
from tests import crowd

from .conftest import House

JOBS = 100_000
PAGE_ROWS = 1_000
"""What the plan of a list may read of any one table: a page has at most 200 rows, a job few tasks."""
BIG = {"media", "job", "task", "work", "attempt", "artifact", "dead_letter", "webhook"}
Statement = tuple[str, Any]


@pytest.fixture(scope="module")
def crowded(_shared_postgres: Any) -> Iterator[House]:
    url = _shared_postgres.new_database()
    upgrade(url)
    settings = Settings(database_url=url, object_store_url="memory", attempt_token_key="0123456789abcdef0", require_keys=False)
    database = Database(url, pool_size=4)
    crowd.fill(database.engine, JOBS)
    store = MemoryObjects()
    yield House(Gateway(settings=settings, database=database, objects=store), store)
    database.engine.dispose()


@contextmanager
def heard(house: House) -> Iterator[list[Statement]]:
    """Every query that is sent meanwhile, with its parameters."""
    statements: list[Statement] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().lower().startswith(("select", "with")):
            statements.append((statement, parameters))

    event.listen(house.gateway.database.engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(house.gateway.database.engine, "before_cursor_execute", hear)


def scans(house: House, statement: Statement) -> list[tuple[str, str, int]]:
    """Of the plan that this statement really ran with: (table, kind of scan, rows that it looked at), for each big table's."""
    connection = house.gateway.database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("explain (analyze, timing off, format json) " + statement[0], statement[1])
        answer = cursor.fetchone()[0]
        connection.rollback()
    finally:
        connection.close()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    found: list[tuple[str, str, int]] = []

    def visit(node: dict[str, Any]) -> None:
        if node.get("Relation Name") in BIG:
            looked_at = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            found.append((node["Relation Name"], node["Node Type"], round(looked_at)))
        for child in node.get("Plans", ()):
            visit(child)

    visit(plan[0]["Plan"])
    return found


def one(house: House, sql: str) -> str:
    with house.gateway.database.transaction() as session:
        return str(session.scalar(text(sql)))


A_JOB = "select id from job where tenant = 'default' order by id offset 50000 limit 1"
A_MEDIA = "select media_id from job where tenant = 'default' and state = 'done' order by id offset 50000 limit 1"
ASKED: list[Callable[[House], str]] = [
    lambda h: "/jobs",
    lambda h: "/jobs?limit=200",
    lambda h: f"/jobs?cursor={one(h, A_JOB)}",
    *(lambda h, s=state: f"/jobs?state={s}" for state in TaskState),
    lambda h: f"/jobs?state=failed&cursor={one(h, A_JOB)}",
    lambda h: f"/jobs?media_id={one(h, A_MEDIA)}",
    lambda h: f"/jobs?q={one(h, A_JOB)}",
    lambda h: "/jobs?q=77777",
    lambda h: "/jobs?q=nothing",
    lambda h: "/jobs?q=holiday",
    lambda h: "/media?q=holiday",
    lambda h: "/media",
    lambda h: f"/media?cursor={one(h, A_MEDIA)}",
    *(lambda h, s=state: f"/media?state={s}" for state in MediaState),
    *(lambda h, k=kind: f"/media?kind={k}" for kind in Kind),
    lambda h: "/media?state=rejected&kind=audio",
    lambda h: f"/media?q={one(h, A_MEDIA)}",
    lambda h: "/media?q=77777",
    lambda h: "/media?artifacts=true",
    lambda h: "/dead-letters",
    lambda h: "/webhooks",
    *(lambda h, s=state: f"/webhooks?state={s}" for state in WebhookState),
    lambda h: f"/jobs/{one(h, A_JOB)}",
    lambda h: f"/media/{one(h, A_MEDIA)}/artifacts",
]


@pytest.mark.parametrize("path", ASKED, ids=[str(number) for number in range(len(ASKED))])
def test_a_list_reads_its_page_and_no_more(crowded: House, path: Callable[[House], str]) -> None:
    asked = path(crowded)
    with heard(crowded) as statements:
        crowded.get(asked)
    assert statements
    for statement in statements:
        for table, kind, rows in scans(crowded, statement):
            assert kind != "Seq Scan", f"{asked}: {kind} on {table}: {statement[0]}"
            assert rows <= PAGE_ROWS, f"{asked}: {kind} on {table} looks at {rows} rows: {statement[0]}"


def test_what_the_dashboard_follows(crowded: House) -> None:
    with heard(crowded) as statements, crowded.gateway.database.transaction() as session:
        watched = recent_jobs(session, "default")
        fingerprints(session, watched)
        recent_media(session, "default")
    for statement in statements:
        for table, kind, rows in scans(crowded, statement):
            assert kind != "Seq Scan", f"{kind} on {table}: {statement[0]}"
            assert rows <= PAGE_ROWS, f"{kind} on {table} looks at {rows} rows: {statement[0]}"


def test_statistics_count_in_indexes(crowded: House) -> None:
    """They are exact, so they do count; but in indexes, never through a table."""
    with heard(crowded) as statements:
        crowded.get("/stats")
    for statement in statements:
        for table, kind, _ in scans(crowded, statement):
            assert kind != "Seq Scan", f"{kind} on {table}: {statement[0]}"


def test_the_check_sees_a_scan(crowded: House) -> None:
    assert scans(crowded, ("select * from job where priority = %s", ("bulk",)))[0][:2] == ("job", "Seq Scan")
