"""The webhook between a store and a broker: what each of them is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from infra.bucket_source.app import create_app
from infra.bucket_source.quarantine import MAX_FILE_BYTES, Quarantine
from infra.bucket_source.settings import Settings
from tests.unit.bucket_source.broker import Ingress
from tests.unit.bucket_source.samples import MINIO, changed

GOOD = {"Authorization": "Bearer secret"}


@pytest.fixture
def ingress() -> Iterator[Ingress]:
    with Ingress().running() as broker:
        yield broker


@pytest.fixture
def client(ingress: Ingress, tmp_path: Path) -> FlaskClient:
    settings = Settings(k_sink=ingress.url, webhook_token="secret", quarantine_file=tmp_path / "quarantine.jsonl")
    return create_app(settings).test_client()


def body(*records: object) -> bytes:
    return json.dumps({"EventName": "s3:ObjectCreated:Put", "Key": "media/a", "Records": records}).encode()


def named(key: str) -> dict[str, object]:
    return changed(MINIO, "s3.object.key", key)


def quarantined(tmp_path: Path) -> list[dict[str, str]]:
    path = tmp_path / "quarantine.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_each_upload_reaches_the_broker_in_order_over_one_connection(client: FlaskClient, ingress: Ingress) -> None:
    assert client.post("/", data=body(named("1"), named("2")), headers=GOOD).status_code == 200
    assert client.post("/", data=body(named("3")), headers=GOOD).status_code == 200
    assert [event.subject for event in ingress.events] == ["1", "2", "3"]
    assert ingress.connections == 1


def test_the_broker_is_told_who_sends_and_the_stores_token_goes_no_further(
    client: FlaskClient, ingress: Ingress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.identity.TOKEN_FILE", tmp_path / "token")
    client.post("/", data=body(named("1")), headers=GOOD)
    (tmp_path / "token").write_text("a.b.c\n")
    client.post("/", data=body(named("2")), headers=GOOD)
    assert ingress.authorizations == [None, "Bearer a.b.c"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic c2VjcmV0"}, 401),
        ({"Authorization": "Bearer "}, 403),
        ({"Authorization": "Bearer wrong"}, 403),
        ({"Authorization": "Bearer secret2"}, 403),
        ({"Authorization": "Bearer s\u00e9cret"}, 403),
        ({"Authorization": "bearer secret"}, 200),
    ],
)
def test_only_the_store_is_heard(client: FlaskClient, ingress: Ingress, headers: dict[str, str], status: int) -> None:
    assert client.post("/", data=body(named("1")), headers=headers).status_code == status
    assert len(ingress.events) == (status == 200)


@pytest.mark.parametrize("status", [500, 503, 429, 404, 301])
def test_a_broker_that_cannot_take_it_now(client: FlaskClient, ingress: Ingress, tmp_path: Path, status: int) -> None:
    ingress.statuses = [202, status]
    assert client.post("/", data=body(named("1"), named("2")), headers=GOOD).status_code == 503
    assert client.post("/", data=body(named("1"), named("2")), headers=GOOD).status_code == 200
    assert [event.subject for event in ingress.events] == ["1", "1", "2"]
    assert ingress.events[0].id == ingress.events[1].id  # the inbox knows it again
    assert quarantined(tmp_path) == []


def test_a_broker_that_is_down(tmp_path: Path) -> None:
    with Ingress().running() as gone:
        url = gone.url
    client = create_app(Settings(k_sink=url, webhook_token="secret", quarantine_file=tmp_path / "q")).test_client()
    assert client.post("/", data=body(named("1")), headers=GOOD).status_code == 503


def test_one_broken_record_blocks_nobody(client: FlaskClient, ingress: Ingress, tmp_path: Path) -> None:
    broken = changed(MINIO, "s3.object.eTag", None)
    assert client.post("/", data=body(named("1"), broken, None, named("2")), headers=GOOD).status_code == 200
    assert [event.subject for event in ingress.events] == ["1", "2"]
    assert [json.loads(line["text"]) for line in quarantined(tmp_path)] == [broken, None]
    assert client.get("/healthz").json == {"status": "ok", "quarantined": 2}


@pytest.mark.parametrize("bad", [b"", b"nonsense \xff", b"[" * 20_000, b'{"Event": "s3:TestEvent"}'])
def test_a_broken_body_blocks_nobody(client: FlaskClient, ingress: Ingress, tmp_path: Path, bad: bytes) -> None:
    assert client.post("/", data=bad, headers=GOOD).status_code == 200
    assert [line["text"] for line in quarantined(tmp_path)] == [bad.decode(errors="replace")[: 16 * 1024]]
    assert ingress.events == []


def test_an_event_that_the_broker_will_never_take_blocks_nobody(client: FlaskClient, ingress: Ingress, tmp_path: Path) -> None:
    ingress.statuses = [400]
    assert client.post("/", data=body(named("1"), named("2")), headers=GOOD).status_code == 200
    assert client.post("/", data=body({**named("3"), "padding": "x" * 33_000}), headers=GOOD).status_code == 200  # over 32 KiB
    assert [event.subject for event in ingress.events] == ["2"]
    assert len(quarantined(tmp_path)) == 2


def test_other_events_are_passed_over(client: FlaskClient, ingress: Ingress, tmp_path: Path) -> None:
    assert client.post("/", data=body(changed(MINIO, "eventName", "s3:ObjectRemoved:Delete")), headers=GOOD).status_code == 200
    assert (ingress.events, quarantined(tmp_path)) == ([], [])


def test_a_key_of_any_characters_arrives_whole(client: FlaskClient, ingress: Ingress) -> None:
    assert client.post("/", data=body(named("a%0D%0ACe-Id%3A+evil%22%25%E6%97%A5")), headers=GOOD).status_code == 200
    assert [event.subject for event in ingress.events] == ['a\r\nCe-Id: evil"%日']


def test_the_quarantine_has_an_end(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    for _ in range(600):
        quarantine.keep("x" * 20_000, "broken")
    assert quarantine.count == 600
    assert 0.9 * MAX_FILE_BYTES < (tmp_path / "q").stat().st_size <= MAX_FILE_BYTES
    lost = Quarantine(tmp_path / "no/such/folder")
    lost.keep("x", "broken")
    assert lost.count == 1
