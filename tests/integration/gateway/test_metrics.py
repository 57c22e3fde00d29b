"""What the gateway tells Prometheus: counted when it is committed, read when it is asked."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from gateway.internal import ledger
from gateway.metrics import measures
from gateway.service.standing import _STANDING, MANY
from gateway.store.database import DatabaseUnavailable
from infra.objects.port import StoreUnavailable

from .conftest import House

REPOSITORY = Path(__file__).resolve().parents[3]


def scrape(house: House) -> str:
    answer = house.internal.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def value(page: str, name: str, **labels: str) -> float:
    """The one sample of this name with these labels; 0 where there is none yet."""
    samples = [one for family in text_string_to_metric_families(page) for one in family.samples if one.name == name]
    return sum(one.value for one in samples if labels.items() <= one.labels.items())


def test_operations_are_counted_by_result_and_class(house: House) -> None:
    before = scrape(house)

    def more(name: str, **labels: str) -> float:
        return value(scrape(house), name, **labels) - value(before, name, **labels)

    house.upload(b"one")
    house.settle()
    house.upload(b"two")
    [probe] = house.relay()
    assert house.beat(probe, cold=True) == "go"
    house.fail(probe, "bad-input")
    house.upload(b"three")
    [probe] = house.relay()
    house.fail(probe, "infra")
    assert more("darkroom_attempts_total", operation="probe", result="done") == 1
    assert more("darkroom_attempts_total", **{"operation": "probe", "result": "failed", "class": "bad-input"}) == 1
    assert more("darkroom_retries_total", **{"operation": "probe", "class": "infra"}) == 1
    assert more("darkroom_retries_total", **{"operation": "probe", "class": "bad-input"}) == 0
    assert more("darkroom_attempt_duration_seconds_count", operation="probe") == 3
    assert more("darkroom_cold_starts_total", operation="probe") == 1
    assert more("darkroom_start_wait_seconds_count", operation="probe", cold="false") == 1
    assert more("darkroom_tasks_total", operation="thumbnail", result="done") == 1
    assert more("darkroom_media_bytes_total", kind="image") == len(b"one")
    assert more("darkroom_artifact_bytes_total", operation="thumbnail") == len(b"artifact")
    assert more("darkroom_http_requests_total", method="POST", route="/media", status="201") == 3
    assert more("darkroom_events_total", result="applied") == 4


def test_an_event_told_twice_counts_once(house: House) -> None:
    house.upload()
    [probe] = house.relay()
    house.fail(probe, "bad-input")
    before = scrape(house)
    house.fail(probe, "bad-input")
    after = scrape(house)
    assert value(after, "darkroom_attempts_total") == value(before, "darkroom_attempts_total")
    assert value(after, "darkroom_events_total", result="repeated") == value(before, "darkroom_events_total", result="repeated") + 1


def test_what_is_rolled_back_was_never_counted(house: House) -> None:
    counted: list[str] = []
    with pytest.raises(ZeroDivisionError), house.gateway.database.transaction() as session:  # noqa: PT012
        measures.when_committed(session, lambda: counted.append("never"))
        session.execute(text(f"select {1 / 0}"))
    with house.gateway.database.transaction() as session:
        session.execute(text("select 1"))
        measures.when_committed(session, lambda: counted.append("once"))
    assert counted == ["once"]


def test_how_the_ledger_stands(house: House) -> None:
    for number in range(4):  # two slots
        house.upload(bytes([number]))
    with house.gateway.database.transaction() as session:
        session.execute(text("update task set queued_at = now() - interval '1 hour'"))
        session.execute(text("update outbox set created_at = now() - interval '5 minutes'"))
    page = scrape(house)
    assert value(page, "darkroom_tasks_queued") == 4
    assert value(page, "darkroom_tasks_oldest_queued_seconds") == pytest.approx(3600, abs=60)
    assert value(page, "darkroom_works_waiting", operation="probe", lane="request") == 2
    assert value(page, "darkroom_attempts_out", operation="probe", lane="request") == 2
    assert value(page, "darkroom_slots", operation="probe", lane="request") == 2
    assert value(page, "darkroom_outbox_events") == 2
    assert value(page, "darkroom_outbox_oldest_seconds") == pytest.approx(300, abs=60)
    [probe, _] = house.relay()
    assert (
        house.event("dev.darkroom.operation.requested", probe.attempt_id, probe.model_dump(mode="json"), path="/internal/dead-letters")
        == 204
    )
    page = scrape(house)
    assert value(page, "darkroom_dead_letters") == 1
    assert value(page, "darkroom_dependency_up", dependency="ledger") == 1


def test_the_standing_is_read_by_indexes(house: House) -> None:
    """With a long past behind it: what has ended is not looked at."""
    with house.gateway.database.transaction() as session:
        session.execute(
            text(
                "insert into work (id, tenant, content, operation, canonical_parameters, version, lane, urgency, state, attempts,"
                " infra_failures, tool_failures) select 'w' || n, 'default', 'c' || n, 'thumbnail', '{}', 1, 'request', 0, 'done', 1, 0, 0"
                " from generate_series(1, 20000) n"
            )
        )
        session.execute(text("analyze work"))
        plan = "\n".join(row[0] for row in session.execute(text("explain " + _STANDING.text), {"many": MANY}))
    assert "ix_work_waiting" in plan
    assert "Seq Scan on work" not in plan


def test_who_is_down_is_said_and_the_rest_still_stands(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(house.store, "ready", down)
    page = scrape(house)
    assert value(page, "darkroom_dependency_up", dependency="object_store") == 0
    assert value(page, "darkroom_dependency_up", dependency="ledger") == 1

    def hanging(*_: object) -> None:
        time.sleep(1)

    monkeypatch.setattr(house.store, "ready", hanging)
    monkeypatch.setattr(ledger, "STORE_PATIENCE_S", 0.1)
    assert value(scrape(house), "darkroom_dependency_up", dependency="object_store") == 0

    def away() -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(house.gateway.database, "transaction", away)
    page = scrape(house)
    assert value(page, "darkroom_dependency_up", dependency="ledger") == 0
    assert "darkroom_tasks_queued" not in page


def test_a_strangers_words_are_no_labels(house: House) -> None:
    house.public.get("/no/such/page")
    house.public.open("/media", method="BREW")
    house.event("com.example.made-up", "e1", {})
    page = scrape(house)
    assert "such" not in page
    assert "BREW" not in page
    assert "made-up" not in page


def test_a_works_trace_goes_out_with_its_event(house: House) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    house.public.post("/media?filename=a.jpg", data=b"x", content_type="image/jpeg", headers={"traceparent": traceparent})
    with house.gateway.database.transaction() as session:
        [stored] = session.scalars(text("select traceparent from work")).all()
        [event] = session.scalars(text("select event from outbox")).all()
    assert stored == event["extensions"]["traceparent"] == traceparent


@pytest.fixture
def two_workers(database_url: str, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The internal listener as its manifest starts it, but with two workers: its address, its master's pid."""
    from infra.migrations import upgrade

    upgrade(database_url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    argv = ["--config=python:gateway.internal.gunicorn", f"--bind={address}", "--workers=2", "--threads=4", "gateway.internal.wsgi:app"]
    environment = {**os.environ, "DATABASE_URL": database_url, "OBJECT_STORE_URL": tmp_path.as_uri(), "ATTEMPT_TOKEN_KEY": "k" * 16}
    environment |= {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", *argv], cwd=REPOSITORY, env=environment)
    try:
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(20)
    assert not list(tmp_path.glob("darkroom-metrics-*"))  # nothing stays behind


def test_all_workers_are_heard_by_one_scrape_even_those_that_died(two_workers: tuple[str, int]) -> None:
    from tests.acceptance.system import eventually

    address, master = two_workers

    def post() -> int:
        event = {
            "ce-specversion": "1.0",
            "ce-id": os.urandom(4).hex(),
            "ce-source": "/t",
            "ce-type": "x",
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(f"http://{address}/internal/events", data=json.dumps({}).encode(), headers=event, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)

    def counted() -> float:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return value(answer.read().decode(), "darkroom_events_total", result="applied")

    def children() -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    eventually(lambda: _listens(address), bool, 30)
    assert [post() for _ in range(20)] == [204] * 20
    assert {counted() for _ in range(10)} == {20}
    old = children()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(set(children()) - set(old)) == 2 and _listens(address), bool, 30)
    assert post() == 204
    assert counted() == 21


def _listens(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/healthz", timeout=5) as answer:
            return bool(answer.status == 204)
    except OSError:
        return False
