"""The relay against a broker that refuses, stalls and comes back. Real PostgreSQL, real HTTP."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.store.tables import AttemptRow
from gateway.worker import relay
from tests.serving import Quiet, serving

from .conftest import House


@contextmanager
def broker(answers: Callable[[int], int], *, noted: str = "ce-id") -> Iterator[tuple[str, list[str]]]:
    """A broker whose n-th answer has the status `answers(n)`; yields its URL and the ids, or another header, that it was sent."""
    sent: list[str] = []

    class Ingress(Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(self.headers[noted])
            self.send_response(answers(len(sent)))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Ingress) as origin:
        yield f"{origin}/", sent


@contextmanager
def relaying(house: House, url: str) -> Iterator[None]:
    wake, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=relay.Relay(house.gateway.database, url, house.gateway.settings).run, args=(wake, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        wake.set()
        thread.join(10)


def until(true: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_what_the_broker_has_is_sent_once(house: House) -> None:
    house.upload()
    with broker(lambda _: 202) as (url, sent), relaying(house, url):
        until(lambda: len(sent) == 1)
        until(lambda: not house.relay())
        time.sleep(1.5)  # a round of the relay
    assert len(sent) == 1


def test_a_broker_that_is_not_there_is_tried_again_soon(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "TRY_AGAIN_S", 0.1)
    house.upload()
    with broker(lambda n: 503 if n < 3 else 202) as (url, sent), relaying(house, url):
        until(lambda: len(sent) == 3)
    assert len(set(sent)) == 1


def test_a_broker_that_asks_is_told_who_sends(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each time with what the file says then: the cluster renews its tokens."""
    monkeypatch.setattr(relay, "TRY_AGAIN_S", 0.1)
    token = tmp_path / "token"
    monkeypatch.setattr("infra.identity.TOKEN_FILE", token)

    def renewed(n: int) -> int:
        token.write_text(f"token-{n}\n")
        return 401 if n < 3 else 202

    house.upload()
    with broker(renewed, noted="Authorization") as (url, sent), relaying(house, url):
        until(lambda: len(sent) == 3)
    assert sent == [None, "Bearer token-1", "Bearer token-2"]


def test_an_event_that_no_broker_will_ever_take_ends_its_attempt_with_a_sentence(house: House) -> None:
    house.upload()

    def attempt(attempt_id: str) -> AttemptRow:
        with house.gateway.database.transaction() as session:
            return session.get_one(AttemptRow, attempt_id)

    with broker(lambda _: 413) as (url, sent), relaying(house, url):
        until(lambda: bool(sent) and attempt(sent[0]).failure_class is not None)
        time.sleep(1.5)  # a round of the relay
    ended = attempt(sent[0])
    assert (ended.failure_class, ended.message, ended.holds_slot) == ("infra", "The broker refuses its event with 413.", False)
    assert len(sent) == 1
