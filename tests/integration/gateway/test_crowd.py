"""With 100,000 jobs in the ledger no list reads more of it than its page. The statements are those that the service sends."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.bootstrap import Gateway
from gateway.domain.states import MediaState, TaskState
from gateway.domain.webhooks import WebhookState
from gateway.service.changes import fingerprints, recent_jobs, recent_media
from gateway.service.queries import Page, list_media
from gateway.service.search import FEW, WINDOW, WINDOWS
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
SEARCH_ROWS = WINDOW * WINDOWS + 2 * FEW + PAGE_ROWS
"""What all plans of one search may read of any one table, whatever is searched for: what it looks through, and its matches, counted and
found."""
BIG = {"media", "job", "task", "work", "attempt", "artifact", "dead_letter", "webhook"}
BESIDE = {
    "tiny": "'holiday 11.jpg', 'holiday 771.jpg', 'holiday 50001.jpg'",
    "small": "select 'holiday ' || i || '.jpg' from generate_series(30001, 32000) i where mod(i, 10) <> 0",
}
"""Tenants with three media and with 1,800, in the one index of words beside the crowd."""
Statement = tuple[str, Any]


@pytest.fixture(scope="module")
def crowded(_shared_postgres: Any) -> Iterator[House]:
    url = _shared_postgres.new_database()
    upgrade(url)
    settings = Settings(database_url=url, object_store_url="memory", attempt_token_key="0123456789abcdef0", require_keys=False)
    database = Database(url, pool_size=4)
    crowd.fill(database.engine, JOBS)
    with database.transaction() as session:
        for tenant, numbers in BESIDE.items():
            for table, column in (("media", "id"), ("job", "media_id")):
                of_numbers = f"{column} in (select id from media where filename in ({numbers}))"
                session.execute(text(f"update {table} set tenant = '{tenant}' where tenant in ('default', '{tenant}') and {of_numbers}"))
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
A_LETTER = "select id from dead_letter where tenant = 'default' order by id offset 5000 limit 1"
A_WEBHOOK = "select id from webhook where tenant = 'default' order by id offset 5000 limit 1"
ASKED: list[Callable[[House], str]] = [
    lambda h: "/jobs",
    lambda h: "/jobs?limit=200",
    lambda h: f"/jobs?cursor={one(h, A_JOB)}",
    *(lambda h, s=state: f"/jobs?state={s}" for state in TaskState),
    lambda h: f"/jobs?state=failed&cursor={one(h, A_JOB)}",
    lambda h: f"/jobs?media_id={one(h, A_MEDIA)}",
    lambda h: f"/jobs?q={one(h, A_JOB)}",
    lambda h: "/media",
    lambda h: f"/media?cursor={one(h, A_MEDIA)}",
    *(lambda h, s=state: f"/media?state={s}" for state in MediaState),
    *(lambda h, k=kind: f"/media?kind={k}" for kind in Kind),
    lambda h: "/media?state=rejected&kind=audio",
    lambda h: f"/media?q={one(h, A_MEDIA)}",
    lambda h: "/media?artifacts=true",
    lambda h: "/dead-letters",
    lambda h: f"/dead-letters?cursor={one(h, A_LETTER)}",
    lambda h: "/webhooks",
    lambda h: f"/webhooks?cursor={one(h, A_WEBHOOK)}",
    *(lambda h, s=state: f"/webhooks?state={s}" for state in WebhookState),
    lambda h: f"/jobs/{one(h, A_JOB)}",
    lambda h: f"/media/{one(h, A_MEDIA)}/artifacts",
]

SEARCHED: list[Callable[[House], str]] = [
    *(lambda h, q=q: f"/jobs?q={q}" for q in ("77777", "77", "7", "nothing", "holiday", "jpg 99")),
    *(lambda h, q=q: f"/media?q={q}" for q in ("77777", "77", "7", "holiday")),
    *(lambda h, s=state: f"/jobs?state={s}&q=77" for state in TaskState),
    lambda h: "/jobs?state=failed&q=holiday",
    *(lambda h, s=state: f"/media?state={s}&q=77" for state in MediaState),
    *(lambda h, k=kind: f"/media?artifacts=true&kind={k}&q=77" for kind in Kind),
    lambda h: f"/jobs?q=77&cursor={one(h, A_JOB)}",
    lambda h: f"/jobs?q=99&cursor={one(h, A_JOB)}",
    lambda h: f"/media?q=77&cursor={one(h, A_MEDIA)}",
    lambda h: f"/media?q=holiday&cursor={one(h, A_MEDIA)}",
    lambda h: f"/jobs?q=77&media_id={one(h, A_MEDIA)}",
]


def read(house: House, asked: str) -> Counter[str]:
    """How many rows of each big table an answer took, by the plans of all its statements, none of which went through a whole one."""
    with heard(house) as statements:
        house.get(asked)
    return looked_at(house, statements)


def looked_at(house: House, statements: list[Statement]) -> Counter[str]:
    assert statements
    found: Counter[str] = Counter()
    for statement in statements:
        for table, kind, rows in scans(house, statement):
            assert kind != "Seq Scan", f"{kind} on {table}: {statement[0]}"
            found[table] += rows
    return found


@pytest.mark.parametrize("path", ASKED, ids=[str(number) for number in range(len(ASKED))])
def test_a_list_reads_its_page_and_no_more(crowded: House, path: Callable[[House], str]) -> None:
    asked = path(crowded)
    assert max(read(crowded, asked).values()) <= PAGE_ROWS, asked


@pytest.mark.parametrize("path", SEARCHED, ids=[str(number) for number in range(len(SEARCHED))])
def test_a_search_reads_no_more_than_it_may(crowded: House, path: Callable[[House], str]) -> None:
    asked = path(crowded)
    rows = read(crowded, asked)
    assert max(rows.values()) <= SEARCH_ROWS, f"{asked}: {rows}"


@pytest.mark.parametrize(("tenant", "media"), [("tiny", 3), ("small", 1_800)])
@pytest.mark.parametrize("q", ["holiday", "77", "nothing", "31"])
def test_a_search_in_a_small_list_does_not_read_the_crowd(crowded: House, tenant: str, media: int, q: str) -> None:
    with heard(crowded) as statements, crowded.gateway.database.transaction() as session:
        found = list_media(session, tenant, Page(limit=200), q=q)
    truth = [number for number in numbers(crowded, tenant) if (f" {number}" if q != "holiday" else " holiday").startswith(f" {q}")]
    assert [int(one.filename[8:-4]) for one in found.media] == truth[:200]
    assert sum(looked_at(crowded, statements).values()) <= 2 * media + 2 * FEW


def numbers(house: House, tenant: str, more: str = "true") -> list[int]:
    """The media of a tenant by their number, newest first."""
    asked = f"select filename from media where tenant = '{tenant}' and {more} order by id desc"
    with house.gateway.database.transaction() as session:
        return [int(name[8:-4]) for name in session.scalars(text(asked))]


@pytest.mark.parametrize("more", ["", "&kind=video", "&state=failed"])
@pytest.mark.parametrize("q", ["77777", "77", "7", "holiday 99"])
def test_pages_of_a_search_have_all_its_matches_newest_first(crowded: House, q: str, more: str) -> None:
    """Those of 7 are 11,000, all older than what one page looks through: pages are empty until there, and all go on."""
    found: list[int] = []
    lengths: list[int] = []
    cursor = ""
    while True:
        page = crowded.get(f"/media?limit=200&q={q}{more}{cursor}")
        found += [int(one["filename"][8:-4]) for one in page["media"]]
        lengths.append(len(page["media"]))
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    where = more.removeprefix("&").replace("=", "='") + "'" if more else "true"
    assert found == [number for number in numbers(crowded, "default", where) if str(number).startswith(q.rpartition(" ")[2])]
    assert (lengths[0] == 0 < len(found)) == (q == "7" and not more)


def test_pages_of_a_search_of_jobs_have_all_its_matches_newest_first(crowded: House) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        page = crowded.get(f"/jobs?limit=150&q=77&state=done{cursor}")
        found += [one["job_id"] for one in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    asked = (
        "select job.id from job join media on media.id = media_id where job.tenant = 'default' and job.state = 'done'"
        " and filename like 'holiday 77%' order by 1 desc"
    )
    with crowded.gateway.database.transaction() as session:
        assert found == list(session.scalars(text(asked)))
    assert len(found) > 900


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
