"""Keys, sessions, origins, quotas and tenants, through the listener."""

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from gateway.domain.access import Scope
from gateway.service.arrivals import known_tenant
from gateway.service.quotas import until_midnight_s
from gateway.store.tables import ApiKeyRow, ArtifactRow, BrowserSessionRow, WorkRow
from gateway.web import live, streams
from gateway.web.auth import COOKIE, demand_keys_beyond_loopback
from infra.cli.main import main
from schemas import keys

from .conftest import House
from .doors import Tenants, closed_house, make_key, revoke, two_tenants

OWN = {"Origin": "http://localhost:8000"}
PICTURE = {"data": b"picture", "content_type": "image/jpeg"}


@pytest.fixture
def tenants(house: House) -> Tenants:
    return two_tenants(house)


def browser(tenants: Tenants, key: str, **more: str) -> FlaskClient:
    """A browser that has signed in."""
    client = tenants.house.public.application.test_client()
    answer = client.post("/session", json={"key": key}, headers=OWN | more)
    assert answer.status_code == 201, answer.text
    return client


def test_only_a_digest_is_kept(tenants: Tenants) -> None:
    with tenants.house.gateway.database.transaction() as session:
        rows = session.execute(text("select api_key::text from api_key")).scalars().all()
    for key in (tenants.a, tenants.b, tenants.revoked):
        assert not any(key in row or key[15:41] in row for row in rows)


def test_use_is_noted(tenants: Tenants) -> None:
    assert tenants.ask("GET", "/media", tenants.a).status_code == 200
    with tenants.house.gateway.database.transaction() as session:
        assert session.scalar(select(ApiKeyRow.last_used_at).where(ApiKeyRow.id == tenants.a[3:15])) is not None
        assert session.scalar(select(ApiKeyRow.last_used_at).where(ApiKeyRow.id == tenants.b[3:15])) is None


def test_revoked_is_refused_from_the_next_request_on(tenants: Tenants) -> None:
    assert tenants.ask("GET", "/media", tenants.a).status_code == 200
    revoke(tenants.house.gateway, tenants.a)
    assert tenants.ask("GET", "/media", tenants.a).status_code == 401


def test_without_keys_everybody_is_the_default_tenant(house: House) -> None:
    media = house.upload()
    closed = closed_house(house)
    key = make_key(closed.gateway, "default")
    assert closed.public.get(f"/media/{media['media_id']}").status_code == 401
    assert closed.public.get(f"/media/{media['media_id']}", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_beyond_the_loopback_keys_are_asked_for_whatever_the_setting(house: House) -> None:
    app = house.public.application
    demand_keys_beyond_loopback(app, [("127.0.0.1", 8000), ("::1", 8000, 0, 0)])
    assert house.public.get("/media").status_code == 200
    demand_keys_beyond_loopback(app, [("127.0.0.1", 8000), ("0.0.0.0", 8000)])
    assert house.public.get("/media").status_code == 401


def test_a_live_stream_ends_with_its_key(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(streams, "ASK_AGAIN_S", 0.0)
    house, as_a = tenants.house, {"Authorization": f"Bearer {tenants.a}"}
    media = house.public.post("/media", headers=as_a, **PICTURE).get_json()
    job = house.public.post("/jobs", headers=as_a, json={"media_id": media["media_id"], "operations": ["thumbnail"]}).get_json()
    for path in (f"/jobs/{job['job_id']}/events", "/events"):
        pieces = house.public.get(path, headers=as_a).iter_encoded()
        assert [bool(next(pieces)) for _ in range(6)] == [True] * 6  # it goes on
        if path == "/events":
            revoke(house.gateway, tenants.a)
            assert len(list(pieces)) <= 1
        else:
            pieces.close()  # type: ignore[attr-defined]


# -- browsers


def test_a_session(tenants: Tenants) -> None:
    client = tenants.house.public.application.test_client()
    assert "sign-in" in client.get("/dashboard").text
    answer = client.post("/session", json={"key": tenants.a}, headers=OWN)
    assert answer.status_code == 201
    assert answer.get_json()["tenant"] == "a"
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie  # plain http
    assert tenants.a not in cookie
    assert "sign-in.js" not in client.get("/dashboard").text
    assert client.get("/session").get_json() == {"tenant": "a", "scopes": ["admin", "read", "write"], "key_id": tenants.a[3:15]}
    assert client.get("/media").status_code == 200
    assert client.post("/media", headers=OWN, **PICTURE).status_code == 201
    secret = client.get_cookie(COOKIE).value  # type: ignore[union-attr]
    assert client.delete("/session", headers=OWN).status_code == 204
    assert client.get("/media").status_code == 401
    client.set_cookie(COOKIE, secret)  # the cookie is worth nothing any more, whoever kept it
    assert client.get("/media").status_code == 401


def test_over_https_the_cookie_is_secure(house: House) -> None:
    tenants = two_tenants(house, public_url="https://darkroom.example")
    client = tenants.house.public.application.test_client()
    answer = client.post("/session", json={"key": tenants.a}, headers={"Origin": "https://darkroom.example"})
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null", "http://localhost:8001", "http://localhost:8000.evil.test"])
def test_writes_with_the_cookie_need_our_origin(tenants: Tenants, origin: str | None) -> None:
    client = browser(tenants, tenants.a)
    headers = {} if origin is None else {"Origin": origin}
    for answer in (
        client.post("/media", headers=headers, **PICTURE),
        client.delete(f"/media/{'0' * 8}-0000-7000-8000-{'0' * 12}", headers=headers),
    ):
        assert answer.status_code == 403
        assert answer.get_json()["title"] == "Forbidden"
    assert client.get("/media", headers=headers).get_json()["media"] == []


def test_a_page_elsewhere_can_sign_nobody_in_or_out(tenants: Tenants) -> None:
    client = browser(tenants, tenants.a)
    evil = {"Origin": "https://evil.test"}
    assert client.post("/session", json={"key": tenants.b}, headers=evil).status_code == 403
    assert client.delete("/session", headers=evil).status_code == 403
    assert client.get("/session").get_json()["tenant"] == "a"


def test_a_page_elsewhere_cannot_write_where_no_keys_are_asked_for(house: House) -> None:
    assert house.public.post("/media", headers={"Origin": "https://evil.test"}, **PICTURE).status_code == 403
    assert house.public.post("/media", headers=OWN, **PICTURE).status_code == 201
    assert house.public.post("/media", **PICTURE).status_code == 201  # curl


def test_a_session_ends_with_its_time_and_with_its_key(tenants: Tenants) -> None:
    gateway = tenants.house.gateway
    early, late = browser(tenants, tenants.a), browser(tenants, tenants.b)
    with gateway.database.transaction() as session:
        session.execute(update(BrowserSessionRow).where(BrowserSessionRow.key_id == tenants.a[3:15]).values(expires_at=text("now()")))
    assert early.get("/media").status_code == 401
    assert late.get("/media").status_code == 200
    revoke(gateway, tenants.b)
    assert late.get("/media").status_code == 401


def test_a_wrong_key_opens_no_session(tenants: Tenants) -> None:
    for key in (tenants.unknown, tenants.revoked, "x"):
        answer = tenants.ask("POST", "/session", None, json={"key": key})
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers


# -- origins


def test_cors_is_for_exact_origins(house: House) -> None:
    tenants = two_tenants(house, cors_origins=["https://app.example", "https://second.example"])
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, idempotency-key"}
    allowed = tenants.ask("OPTIONS", "/media", None, headers={"Origin": "https://app.example", **asks})
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "authorization" in allowed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert "Origin" in allowed.headers["Vary"]
    got = tenants.ask("GET", "/media", tenants.a, headers={"Origin": "https://app.example"})
    assert got.headers["Access-Control-Allow-Origin"] == "https://app.example"
    for other in ("https://app.example.evil.test", "https://appXexample", "http://app.example", "https://app.example:8443", "null"):
        for answer in (
            tenants.ask("OPTIONS", "/media", None, headers={"Origin": other, **asks}),
            tenants.ask("GET", "/media", tenants.a, headers={"Origin": other}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers, other


def test_without_the_setting_nobody_elsewhere_reads(tenants: Tenants) -> None:
    answer = tenants.ask("GET", "/media", tenants.a, headers={"Origin": "https://app.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


# -- quotas


def refused(answer: object) -> int:
    """A 429's Retry-After, in seconds."""
    assert answer.status_code == 429, answer.text  # type: ignore[attr-defined]
    assert answer.content_type == "application/problem+json"  # type: ignore[attr-defined]
    return int(answer.headers["Retry-After"])  # type: ignore[attr-defined]


def test_requests_a_second(house: House) -> None:
    tenants = two_tenants(house, key_requests_per_s=1)
    for _ in range(10):
        assert tenants.ask("GET", "/media", tenants.a).status_code == 200
    assert 1 <= refused(tenants.ask("GET", "/media", tenants.a)) <= 10
    assert tenants.ask("GET", "/media", tenants.b).status_code == 200
    assert tenants.ask("GET", "/media", tenants.a_only[Scope.READ]).status_code == 200


def test_signing_in_counts_too(house: House) -> None:
    tenants = two_tenants(house, key_requests_per_s=1)
    for _ in range(10):
        browser(tenants, tenants.a)
    refused(tenants.house.public.post("/session", json={"key": tenants.a}, headers=OWN))
    with tenants.house.gateway.database.transaction() as session:
        assert session.scalar(text("select count(*) from browser_session")) == 10


def test_requests_at_once_streams_included(house: House) -> None:
    tenants = two_tenants(house, key_concurrency=2)
    house = tenants.house
    as_a = {"Authorization": f"Bearer {tenants.a}"}
    media = house.public.post("/media", headers=as_a, **PICTURE).get_json()
    job = house.public.post("/jobs", headers=as_a, json={"media_id": media["media_id"], "operations": ["thumbnail"]}).get_json()
    streams = [house.public.get(f"/jobs/{job['job_id']}/events", headers=as_a) for _ in range(2)]
    assert [stream.status_code for stream in streams] == [200, 200]
    refused(tenants.ask("GET", "/media", tenants.a))
    assert tenants.ask("GET", "/media", tenants.b).status_code == 200
    streams[0].close()
    for _ in range(5):  # each leaves its place again, refused ones too
        assert tenants.ask("GET", "/media", tenants.a).status_code == 200
        assert tenants.ask("GET", "/media/x", tenants.a).status_code == 404
    streams[1].close()


def test_bytes_a_day(house: House) -> None:
    tenants = two_tenants(house, key_bytes_per_day=20)
    once = {"data": b"x" * 12, "content_type": "image/jpeg"}
    assert tenants.ask("POST", "/media", tenants.a, **once).status_code == 201
    wait_s = refused(tenants.ask("POST", "/media", tenants.a, **once))
    assert 0 < wait_s <= 86_400
    assert (
        tenants.ask("POST", "/media", tenants.a, data=b"x" * 8, content_type="image/jpeg").status_code == 201
    )  # refused ones do not count
    refused(tenants.ask("POST", "/uploads", tenants.a, json={"filename": "a.jpg", "content_type": "image/jpeg", "bytes": 1}))
    assert tenants.ask("POST", "/media", tenants.b, **once).status_code == 201
    assert tenants.ask("GET", "/media", tenants.a).status_code == 200
    assert (
        closed_house(house, key_bytes_per_day=20)
        .public.post("/media", headers={"Authorization": f"Bearer {tenants.a}"}, **once)
        .status_code
        == 429
    )
    with tenants.house.gateway.database.transaction() as session:
        session.execute(text("update key_usage set day = day - 1"))
    assert tenants.ask("POST", "/media", tenants.a, **once).status_code == 201


def test_bytes_of_an_undeclared_length_count_too(house: House) -> None:
    tenants = two_tenants(house, key_bytes_per_day=20)
    chunked = {"Authorization": f"Bearer {tenants.a}", "Transfer-Encoding": "chunked"}
    answer = tenants.house.public.post(
        "/media", headers=chunked, content_type="image/jpeg", input_stream=io.BytesIO(b"x" * 21),
        environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    refused(answer)
    assert tenants.ask("GET", "/media", tenants.a).get_json()["media"] == []


def test_midnight() -> None:
    assert until_midnight_s(datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)) == 30
    assert until_midnight_s(datetime(2026, 1, 31, tzinfo=UTC)) == 86_400


# -- tenants


def test_two_tenants_with_the_same_bytes_share_nothing(tenants: Tenants) -> None:
    house, made = tenants.house, {}
    for key in (tenants.a, tenants.b):
        media = tenants.ask("POST", "/media?operations=thumbnail", key, **PICTURE).get_json()
        house.settle()
        listed = tenants.ask("GET", f"/media/{media['media_id']}/artifacts", key).get_json()["artifacts"]
        made[key] = (media["media_id"], listed[0]["artifact_id"], listed[0]["object_key"])
        assert len(listed) == 1
    assert not set(made[tenants.a]) & set(made[tenants.b])
    with house.gateway.database.transaction() as session:
        assert sorted(session.scalars(select(WorkRow.tenant).where(WorkRow.operation == "thumbnail"))) == ["a", "b"]
    for key, other in ((tenants.a, tenants.b), (tenants.b, tenants.a)):
        assert [one["media_id"] for one in tenants.ask("GET", "/media", key).get_json()["media"]] == [made[key][0]]
        assert made[other][0] not in tenants.ask("GET", "/jobs", key).text
        assert tenants.ask("GET", "/stats", key).get_json()["media"]["accepted"] == 1
    assert tenants.ask("DELETE", f"/media/{made[tenants.a][0]}", tenants.a).status_code == 204
    with house.gateway.database.transaction() as session:
        assert session.scalars(select(ArtifactRow.object_key)).all() == [made[tenants.b][2]]


def test_one_idempotency_key_of_two_tenants(tenants: Tenants) -> None:
    once = {"headers": {"Idempotency-Key": "1"}, **PICTURE}
    first, second = (tenants.ask("POST", "/media", key, **once).get_json()["media_id"] for key in (tenants.a, tenants.b))
    assert first != second
    assert tenants.ask("POST", "/media", tenants.a, **once).get_json()["media_id"] == first


def test_a_bucket_uploads_tenant_is_its_first_segment(tenants: Tenants) -> None:
    house = tenants.house
    for key in ("a/2026/cat.jpg", "nobody/cat.jpg", "cat.jpg", "b"):
        house.store.put(keys.MEDIA_BUCKET, key, [key.encode()], content_type="image/jpeg")
        data = {"bucket": {"name": keys.MEDIA_BUCKET}, "object": {"key": key}}
        assert house.event("com.amazonaws.s3.ObjectCreated:Put", key, data, subject=key) == 204
    with house.gateway.database.transaction() as session:
        found = {key: known_tenant(session, key) for key in ("a/2026/cat.jpg", "nobody/cat.jpg", "cat.jpg", "b")}
    assert found == {"a/2026/cat.jpg": "a", "nobody/cat.jpg": "default", "cat.jpg": "default", "b": "default"}
    listed = tenants.ask("GET", "/media", tenants.a).get_json()["media"]
    assert [one["object_key"] for one in listed] == ["a/2026/cat.jpg"]


# -- the command


def test_the_command(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", house.gateway.settings.database_url.get_secret_value())
    monkeypatch.setenv("OBJECT_STORE_URL", "file:///tmp")
    monkeypatch.setenv("ATTEMPT_TOKEN_KEY", "0" * 16)

    def run(*argv: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["keys", *argv])
        assert done.exit_code == code, done.output
        return done.stdout

    made = json.loads(run("create", "--name", "ci", "--tenant", "team", "--scope", "read", "--json"))
    assert made["scopes"] == ["read"]
    closed = closed_house(house)
    as_team = {"Authorization": f"Bearer {made['key']}"}
    assert closed.public.get("/media", headers=as_team).status_code == 200
    listed = run("list")
    (row,) = (line.split("\t") for line in listed.splitlines() if line.startswith(made["key_id"]))
    assert (len(row), row[1], row[3].startswith("last used ")) == (5, made["tenant"], True)
    assert made["key"] not in listed
    assert made["key"] not in run("list", "--json")
    assert json.loads(run("revoke", made["key_id"], "--json"))["revoked_at"]
    assert closed.public.get("/media", headers=as_team).status_code == 401
    assert run("create", "--name", "x").startswith("dk_")
    run("create", "--name", "x", "--tenant", "../x", code=4)
    run("revoke", "nobody", code=4)
    run("create", code=2)


# -- the real listener


@contextmanager
def gunicorn(database_url: str, bind: str) -> Iterator[None]:
    """The public listener as the manifests start it, told to ask for no keys."""
    needed = {"DATABASE_URL": database_url, "OBJECT_STORE_URL": "file:///tmp", "ATTEMPT_TOKEN_KEY": "0" * 16, "REQUIRE_KEYS": "false"}
    argv = [sys.executable, "-m", "gunicorn", "--config=python:gateway.web.gunicorn", f"--bind={bind}", "gateway.web.wsgi:app"]
    process = subprocess.Popen(argv, env=os.environ | needed, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def status_of(family: socket.AddressFamily, address: Any) -> int:
    """What `GET /media` answers there, once somebody listens."""
    for _ in range(600):
        with socket.socket(family) as client:
            client.settimeout(30)
            try:
                client.connect(address)
            except OSError:
                time.sleep(0.1)
                continue
            client.sendall(b"GET /media HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if answer := client.recv(64):
                return int(answer.split(b" ")[1])
    raise AssertionError("nobody listens")


def test_the_listener_itself_asks_beyond_the_loopback(house: House, tmp_path: Path) -> None:
    """A Unix socket stands for every address that is not the loopback's."""
    url = house.gateway.settings.database_url.get_secret_value()
    with gunicorn(url, f"unix:{tmp_path}/gateway.sock"):
        assert status_of(socket.AF_UNIX, f"{tmp_path}/gateway.sock") == 401
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with gunicorn(url, f"127.0.0.1:{port}"):
        assert status_of(socket.AF_INET, ("127.0.0.1", port)) == 200
