"""Defences that only a chosen order of events can show, one test each; `controls.py` takes each away and runs its test again."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from functions.runtime import Job, Outcome, Output
from functions.runtime.attempt import Surroundings, run_attempt
from functions.runtime.settings import Settings
from gateway.service import reaper
from gateway.service.reconciler import reconcile
from gateway.worker import relay
from infra.objects.memory import MemoryObjects
from infra.objects.port import Stored, StoreUnavailable
from schemas import events, keys
from schemas.parameters import ThumbnailParameters
from schemas.payloads import Completed, Failed, Requested, Source
from tests.faults.rig import Postgres, until
from tests.integration.gateway.conftest import House, house

__all__ = ["house"]


@pytest.fixture
def database_url(own_server: Postgres, request: pytest.FixtureRequest) -> str:
    return own_server.new_database(f"d{abs(hash(request.node.name)):x}")


def rewind_clock(house: House) -> None:
    """As if everything so far had happened an hour ago, with the listener up all the while."""
    with house.gateway.database.transaction() as session:
        session.execute(text("update attempt set sent_at = sent_at - interval '1 hour', heartbeat_at = heartbeat_at - interval '1 hour'"))
        session.execute(
            text("insert into liveness values (:p, now() - interval '2 hours', now()) on conflict do nothing"), {"p": reaper.LISTENER}
        )


def count(house: House, query: str) -> int:
    with house.gateway.database.transaction() as session:
        return int(session.scalar(text(f"select count(*) from {query}")) or 0)


def test_a_malformed_event_ten_times_is_one_dead_letter(house: House) -> None:
    for _ in range(10):
        assert house.event(events.COMPLETED, "one", {"attempt_id": 7}) == 204
    assert count(house, "dead_letter") == 1


def test_a_zombies_late_result_changes_nothing(house: House) -> None:
    """The first attempt is reaped, the second made; then the first one's result comes after all."""
    media = house.upload()
    house.finish(house.relay()[0])
    (first,) = house.relay()
    assert house.beat(first, "zombie") == "go"
    late = house.completed(first)
    rewind_clock(house)
    assert reaper.reap(house.gateway.database, house.store, house.gateway.settings) == 1
    with house.gateway.database.transaction() as session:
        session.execute(text("update work set not_before = now() - interval '1 minute'"))
        from gateway.service.admission import admit_all

        admit_all(session, ["thumbnail"], house.gateway.settings)
    (second,) = house.relay()
    house.finish(second)
    (before,) = house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]
    assert house.event(events.COMPLETED, events.completed_id(first.attempt_id), late) == 204
    (after,) = house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]
    assert after["object_key"] == before["object_key"] == second.output_prefix + "thumbnail.webp"
    assert count(house, "attempt where state = 'done' and operation = 'thumbnail'") == 1


def test_a_sweep_spares_what_a_live_attempt_has_written(house: House) -> None:
    house.upload()
    house.finish(house.relay()[0])
    (request,) = house.relay()
    house.beat(request)
    written = house.artifact(request).object_key
    reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert [info.key for info in house.store.list(keys.OUTPUTS_BUCKET)] == [written]


class Broker:
    """Answers with the next of `answers`, the last one for ever."""

    def __init__(self) -> None:
        self.answers, self.ids = [503, 202], list[str]()
        outer = self

        class Listener(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.ids.append(self.headers["ce-id"])
                self.send_response(outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def broker() -> Iterator[Broker]:
    one = Broker()
    threading.Thread(target=one.server.serve_forever, args=(0.05,), daemon=True).start()
    yield one
    one.server.shutdown()


def test_an_event_that_the_broker_refused_is_sent_again(house: House, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "CLAIM_S", 1.0)
    house.upload()
    stop, wake = threading.Event(), threading.Event()
    thread = threading.Thread(target=relay.Relay(house.gateway.database, broker.url, house.gateway.settings).run, args=(wake, stop))
    thread.start()
    try:
        until(lambda: broker.ids, 10, "the first try")
        until(lambda: len(broker.ids) > 1 and count(house, "outbox") == 0, 30, "the second try, and its mark")
    finally:
        stop.set()
        wake.set()
        thread.join()
    assert len(set(broker.ids)) == 1
    assert count(house, "attempt where state = 'sent'") == 1


class DyingStore(MemoryObjects):
    """Takes so many writes; the process is then as good as dead."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes_left = writes

    def put(self, bucket: str, key: str, chunks: Any, **more: Any) -> Stored:
        if bucket == keys.OUTPUTS_BUCKET:
            if self.writes_left == 0:
                raise StoreUnavailable("it died here")
            self.writes_left -= 1
        return super().put(bucket, key, chunks, **more)


def test_a_result_never_promises_what_is_not_there(tmp_path: Path) -> None:
    """Two outputs and result.json: whichever write is the last, result.json is there only with both."""

    def work(job: Job) -> Outcome:
        for name in ("a.webp", "b.webp"):
            (job.out / name).write_bytes(name.encode())
        return Outcome(outputs=[Output(path=job.out / name, content_type="image/webp") for name in ("a.webp", "b.webp")])

    seen = []
    for writes in range(4):
        store = DyingStore(writes)
        etag = store.put(keys.MEDIA_BUCKET, "media/x.jpg", [b"original"], content_type="image/jpeg").etag
        request = Requested(
            attempt_id="w.1", work_id="w", attempt=1, operation="thumbnail", version=1, deadline_s=30,
            source=Source(bucket=keys.MEDIA_BUCKET, key="media/x.jpg", etag=etag, bytes=8),
            output_bucket=keys.OUTPUTS_BUCKET, output_prefix="default/sha/thumbnail/1/w/1/",
        )  # fmt: skip
        around = Surroundings(
            settings=Settings(object_store_url="memory", work_dir=tmp_path, spare_disk_bytes=1), objects=store, gateway=None
        )
        word = run_attempt(request, ThumbnailParameters(), 1, work, around)
        there = {info.key.rsplit("/", 1)[1] for info in store.list(keys.OUTPUTS_BUCKET)}
        assert "result.json" not in there or there == {"a.webp", "b.webp", "result.json"}
        seen.append((len(there), type(word)))
    assert seen == [(0, Failed), (1, Failed), (2, Failed), (3, Completed)]
