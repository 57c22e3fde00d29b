"""Webhooks from a job's end to a receiver that takes them. Real PostgreSQL, real HTTP, real signatures."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from standardwebhooks import Webhook

from gateway.bootstrap import Gateway
from gateway.domain import webhooks as machine
from gateway.domain.states import TaskState
from gateway.domain.webhooks import tenant_secret
from gateway.service import webhooks as service
from gateway.service.tasks import end_tasks
from gateway.worker import outward
from gateway.worker.webhooks import Webhooks
from schemas import envelope
from schemas.jobs import JobEnded
from tests.serving import Quiet, serving

from .conftest import House
from .test_cancel import accepted, cancel
from .test_relay import until

KEY = "a key for webhooks only"
SECRET = tenant_secret(KEY.encode(), "default")


class Receiver:
    """What came, in order: its headers and body."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: list[tuple[dict[str, str], bytes]] = []

    def event(self, index: int = -1) -> envelope.Event:
        headers, body = self.got[index]
        Webhook(SECRET).verify(body, headers)
        return envelope.parse(headers, body)


@contextmanager
def receiving(answers: Callable[[int], int] = lambda _: 204, headers: Mapping[str, str] = MappingProxyType({})) -> Iterator[Receiver]:
    """A receiver whose n-th answer has the status `answers(n)`."""

    class Hook(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((dict(self.headers.items()), body))
            self.send_response(answers(len(receiver.got)))
            self.send_header("Content-Length", "0")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    with serving(Hook) as origin:
        receiver = Receiver(f"{origin}/hook?token=t0ps3cret")
        yield receiver


@pytest.fixture
def calling(house: House) -> House:
    """The same house, which may call this machine."""
    settings = house.gateway.settings.model_copy(
        update={"webhook_signing_key": SecretStr(KEY), "callback_allowed_cidrs": ["127.0.0.0/8"], "max_queued_tasks": 1000}
    )
    return House(Gateway(settings=settings, database=house.gateway.database, objects=house.store), house.store)


def worker(house: House) -> Webhooks:
    return Webhooks(house.gateway.database, house.store, house.gateway.settings)


def ask(house: House, url: str, edge: int = 16) -> dict[str, Any]:
    item = {"operation": "thumbnail", "parameters": {"longest_edge_px": edge}}
    return house.post("/jobs", {"media_id": accepted(house), "operations": [item], "callback_url": url})


def callback(house: House, job: dict[str, Any]) -> Any:
    return house.get(f"/jobs/{job['job_id']}")["callback"]


def due_in(house: House, seconds: int) -> None:
    with house.gateway.database.transaction() as session:
        session.execute(
            text("update webhook set due_at = now() + make_interval(secs => :seconds) where state = 'pending'"), {"seconds": seconds}
        )


def due_now(house: House) -> None:
    """Time passes: whatever waits is due."""
    due_in(house, -1)


def sent(house: House, by: Webhooks, receiver: Receiver, count: int) -> None:
    by.send_due()
    until(lambda: len(receiver.got) == count)


def test_a_job_that_is_done_is_told_once(calling: House) -> None:
    with receiving() as receiver:
        job = ask(calling, receiver.url)
        assert callback(calling, job) is None
        calling.settle()
        waiting = callback(calling, job)
        assert waiting.pop("webhook_id")
        assert waiting.pop("next_try_at")
        assert waiting == {"state": "pending", "tries": 0, "status": None, "message": None, "redriven_at": None}
        mine = worker(calling)
        sent(calling, mine, receiver, 1)
        until(lambda: callback(calling, job)["state"] == "delivered")
        mine.send_due()
        worker(calling).send_due()
    assert len(receiver.got) == 1
    event, document = receiver.event(), calling.get(f"/jobs/{job['job_id']}")
    assert (event.type, event.source, event.subject) == ("dev.darkroom.job.done", "/darkroom/gateway", job["job_id"])
    assert event.id == receiver.got[0][0]["webhook-id"] == document["callback"]["webhook_id"]
    assert event.time == document["finished_at"]
    assert receiver.got[0][0]["content-type"].startswith("application/cloudevents+json")
    ended = JobEnded.model_validate(event.data)
    assert ended.state == "done"
    artifact, listed = ended.tasks[0].artifacts[0], document["tasks"][0]["artifacts"][0]
    assert artifact.object_key == listed["object_key"]
    assert artifact.url
    assert artifact.expires_at


def test_a_receiver_that_fails_twice_gets_the_same_word_again(calling: House) -> None:
    with receiving(lambda n: 500 if n < 3 else 200) as receiver:
        job = ask(calling, receiver.url)
        calling.settle()
        by = worker(calling)
        for count in (1, 2):
            sent(calling, by, receiver, count)
            until(lambda count=count: callback(calling, job)["tries"] == count)  # type: ignore[misc]
            assert (callback(calling, job)["state"], callback(calling, job)["status"]) == ("pending", 500)
            by.send_due()
            assert len(receiver.got) == count  # its wait is not over
            due_now(calling)
        sent(calling, by, receiver, 3)
        until(lambda: callback(calling, job)["state"] == "delivered")
    assert len({receiver.event(n).id for n in range(3)}) == 1
    assert callback(calling, job)["tries"] == 3


def test_a_worker_that_dies_with_it_in_hand(calling: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took the webhook and posted nothing, or posted and never said so: another sends it once its time is over, with the same id."""
    with receiving() as receiver:
        job = ask(calling, receiver.url)
        calling.settle()
        with calling.gateway.database.transaction() as session:
            taken = service.take_due(session, 10)  # and dies
        assert len(taken) == 1
        worker(calling).send_due()
        assert receiver.got == []
        monkeypatch.setattr(service, "settle", lambda *_, **__: None)  # dies after its POST
        due_now(calling)
        sent(calling, worker(calling), receiver, 1)
        monkeypatch.undo()
        due_now(calling)
        sent(calling, worker(calling), receiver, 2)
        until(lambda: callback(calling, job)["state"] == "delivered")
    assert receiver.event(0).id == receiver.event(1).id == taken[0].id


def test_many_workers_send_each_once(calling: House) -> None:
    with receiving() as receiver:
        for edge in range(16, 36):
            ask(calling, receiver.url, edge)
        calling.settle()
        threads = [threading.Thread(target=worker(calling).send_due) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: len(receiver.got) == 20)
    assert len({receiver.event(n).id for n in range(20)}) == 20


def test_410_ends_it_and_the_last_try_too(calling: House) -> None:
    with receiving(lambda _: 410) as receiver:
        job = ask(calling, receiver.url)
        calling.settle()
        sent(calling, worker(calling), receiver, 1)
        until(lambda: callback(calling, job)["state"] == "refused")
        due_now(calling)
        worker(calling).send_due()
    with receiving(lambda _: 503) as receiver:
        other = ask(calling, receiver.url, 17)
        calling.settle()
        with calling.gateway.database.transaction() as session:
            session.execute(text("update webhook set tries = :n where state = 'pending'"), {"n": len(machine.WAITS_S)})
        sent(calling, worker(calling), receiver, 1)
        until(lambda: callback(calling, other)["state"] == "given_up")
    listed = {one["job_id"]: one["callback"] for one in calling.get("/jobs")["jobs"] if one["callback_url"]}
    assert listed[other["job_id"]]["message"] == "The receiver answers 503."
    assert listed[job["job_id"]]["status"] == 410


def given_up(house: House, by: Webhooks, receiver: Receiver) -> dict[str, Any]:
    """A job whose webhook had its last try."""
    job = ask(house, receiver.url)
    house.settle()
    with house.gateway.database.transaction() as session:
        session.execute(text("update webhook set tries = :n where state = 'pending'"), {"n": len(machine.WAITS_S)})
    sent(house, by, receiver, len(receiver.got) + 1)
    until(lambda: callback(house, job)["state"] == "given_up")
    return job


def redrive(house: House, webhook: str, status: int = 202) -> Any:
    return house.post(f"/webhooks/{webhook}/redrive", {}, status)


def test_one_that_was_given_up_is_redriven(calling: House) -> None:
    with receiving(lambda n: 500 if n < 3 else 204) as receiver:
        by = worker(calling)
        job = given_up(calling, by, receiver)
        webhook = callback(calling, job)["webhook_id"]
        [listed] = calling.get("/webhooks?state=given_up")["webhooks"]
        assert (listed["webhook_id"], listed["job_id"], listed["tries"]) == (webhook, job["job_id"], len(machine.WAITS_S) + 1)
        assert listed["callback_url"] == receiver.url
        again = redrive(calling, webhook)
        assert (again["state"], again["tries"], again["status"]) == ("pending", 0, 500)
        assert again["redriven_at"]
        assert calling.get("/webhooks?state=given_up")["webhooks"] == []
        sent(calling, by, receiver, 2)
        until(lambda: callback(calling, job)["tries"] == 1)
        assert callback(calling, job)["state"] == "pending"  # the receiver is still down, and all its tries are before it
        due_in(calling, 3600)
        redrive(calling, webhook)  # which takes its wait away
        sent(calling, by, receiver, 3)
        until(lambda: callback(calling, job)["state"] == "delivered")
        assert callback(calling, job)["next_try_at"] is None
        assert "was delivered" in redrive(calling, webhook, 409)["detail"]
    assert len({receiver.event(n).id for n in range(3)}) == 1
    redrive(calling, job["job_id"], 404)


def test_what_a_worker_has_in_hand_stays_in_its_hand(calling: House) -> None:
    ask(calling, "https://example.com/")
    calling.settle()
    with calling.gateway.database.transaction() as session:
        [taken] = service.take_due(session, 10)
    redrive(calling, taken.id)
    with calling.gateway.database.transaction() as session:
        assert service.take_due(session, 10) == []


def test_two_pages_of_webhooks(calling: House) -> None:
    for edge in (16, 17, 18):
        ask(calling, "https://example.com/", edge)
    calling.settle()
    first = calling.get("/webhooks?limit=2")
    second = calling.get(f"/webhooks?limit=2&cursor={first['next_cursor']}")
    ids = [one["webhook_id"] for one in [*first["webhooks"], *second["webhooks"]]]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), second["next_cursor"]) == (3, None)


def test_a_receiver_that_says_when_to_come_again(calling: House) -> None:
    with receiving(lambda _: 503, {"Retry-After": "600"}) as receiver:
        job = ask(calling, receiver.url)
        calling.settle()
        sent(calling, worker(calling), receiver, 1)
        until(lambda: callback(calling, job)["tries"] == 1)
        with calling.gateway.database.transaction() as session:
            wait_s = session.scalar(text("select extract(epoch from due_at - now())::float from webhook where state = 'pending'"))
    assert 590 < wait_s <= 660
    assert callback(calling, job)["next_try_at"]


def test_failed_then_retried_then_done_are_two_words(calling: House) -> None:
    with receiving() as receiver:
        job = ask(calling, receiver.url)
        [request] = calling.relay()
        calling.fail(request, "bad-input")
        assert calling.post(f"/jobs/{job['job_id']}/retry", {})["state"] == "queued"
        calling.settle()
        sent(calling, worker(calling), receiver, 2)
    events = sorted((receiver.event(n) for n in range(2)), key=lambda event: event.id)
    assert [event.type for event in events] == ["dev.darkroom.job.failed", "dev.darkroom.job.done"]
    first = JobEnded.model_validate(events[0].data)  # as it ended then, though it is done by now
    assert first.tasks[0].error is not None
    assert first.tasks[0].error.failure == "bad-input"


def test_cancelled_and_done_at_once(calling: House) -> None:
    with receiving() as receiver:
        cancel(calling, ask(calling, receiver.url))
        media = accepted(calling)
        item = [{"operation": "thumbnail", "parameters": {"longest_edge_px": 40}}]
        calling.post("/jobs", {"media_id": media, "operations": item})
        calling.settle()
        again = calling.post("/jobs", {"media_id": media, "operations": item, "callback_url": receiver.url})
        assert again["state"] == "done"
        sent(calling, worker(calling), receiver, 2)
    assert {receiver.event(n).type for n in range(2)} == {"dev.darkroom.job.cancelled", "dev.darkroom.job.done"}


def test_an_end_that_is_rolled_back_owes_nothing(calling: House) -> None:
    job = ask(calling, "https://example.com/")
    database = calling.gateway.database

    def owed(*, then_fails: bool) -> int:
        with suppress(ZeroDivisionError), database.transaction() as session:
            tasks = session.execute(text("select work_id from task where job_id = :id"), {"id": job["job_id"]}).scalars()
            end_tasks(session, next(iter(tasks)), TaskState.DONE)
            assert session.scalar(text("select count(*) from webhook")) == 1
            if then_fails:
                raise ZeroDivisionError
        with database.transaction() as session:
            return int(session.scalar(text("select count(*) from webhook")) or 0)

    assert (owed(then_fails=True), owed(then_fails=False)) == (0, 1)


def test_a_name_that_is_bound_anew_to_this_machine_is_refused(calling: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job was taken while the name was public; when the webhook goes, it names an inner address."""
    settings = calling.gateway.settings.model_copy(update={"callback_allowed_cidrs": []})
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        job = ask(calling, f"http://rebound.example:{port}/")
        calling.settle()
        monkeypatch.setattr(outward.socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", int(port)))])
        Webhooks(calling.gateway.database, calling.store, settings).send_due()
        until(lambda: callback(calling, job)["tries"] == 1)
    assert receiver.got == []
    assert callback(calling, job)["message"] == "Its host has no address of the public internet."


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://[::1]/", "http://u:p@example.com/", "http://10.0.0.1:8000/"])
def test_a_job_may_not_name_an_inner_address(calling: House, url: str) -> None:
    media = accepted(calling)
    answer = calling.post("/jobs", {"media_id": media, "operations": ["thumbnail"], "callback_url": url}, status=422)
    assert answer["errors"][0]["field"] == "callback_url"


def test_without_a_key_there_are_no_webhooks(house: House) -> None:
    media = accepted(house)
    answer = house.post("/jobs", {"media_id": media, "operations": ["thumbnail"], "callback_url": "https://example.com/"}, status=422)
    assert "WEBHOOK_SIGNING_KEY" in answer["detail"]


def test_nothing_secret_is_logged(calling: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), receiving(lambda _: 500) as receiver:
        job = ask(calling, receiver.url)
        calling.settle()
        sent(calling, worker(calling), receiver, 1)
        until(lambda: callback(calling, job)["tries"] == 1)
    said = json.dumps([vars(record) for record in caplog.records], default=str)
    assert "a webhook was not taken" in said
    for secret in (KEY, SECRET, "t0ps3cret", receiver.got[0][0]["webhook-signature"]):
        assert secret not in said
