"""Controls of what the gateway, the bucket source and the store's listener ask and say: the tests that hold them notice each check that is
taken away.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask_cors
import jwt
import pytest
import urllib3

from gateway.bootstrap import Gateway
from gateway.web import auth, hardening, quotas
from gateway.web.app import create_app as create_public
from gateway.web.pressure import Pressure
from infra.bucket_source import app as bucket_source
from infra.bucket_source.settings import Settings as BucketSourceSettings
from infra.objects.folder import FolderObjects
from infra.objects.listener.app import create_app as create_listener
from tests.hostile.controls.control_tenants import holds
from tests.integration import conftest as postgres
from tests.integration.gateway import test_keys, test_oidc, test_pressure
from tests.integration.gateway.conftest import House, running_house
from tests.integration.gateway.doors import closed_house, two_tenants
from tests.unit.bucket_source import test_app
from tests.unit.bucket_source.broker import Ingress
from tests.unit.objects.serving import free_socket, origin, serving


@pytest.fixture
def house() -> Iterator[House]:
    with postgres._running() as server, running_house(server.new_database()) as house:
        yield house


ELSEWHERE = [None, "https://evil.test", "null", "http://localhost:8001", "http://localhost:8000.evil.test"]


def test_without_the_check_of_origins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page elsewhere writes with a browser's cookie, and where no keys are asked for."""
    tenants = two_tenants(house)
    assert all(holds(test_keys.test_writes_with_the_cookie_need_our_origin, tenants, one) for one in ELSEWHERE)
    assert holds(test_keys.test_a_page_elsewhere_cannot_write_where_no_keys_are_asked_for, house)
    monkeypatch.setattr(auth, "_check_origin", lambda *, needed: None)
    assert not any(holds(test_keys.test_writes_with_the_cookie_need_our_origin, tenants, one) for one in ELSEWHERE)
    assert not holds(test_keys.test_a_page_elsewhere_cannot_write_where_no_keys_are_asked_for, house)


def test_without_exact_origins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """CORS by the beginnings of origins: what begins like one of them may read."""
    assert holds(test_keys.test_cors_is_for_exact_origins, house)

    def by_beginnings(app: Any, *, origins: list[str], **more: Any) -> None:
        flask_cors.CORS(app, origins=[f"{one}.*" for one in origins], **more)

    monkeypatch.setattr(hardening, "CORS", by_beginnings)
    assert not holds(test_keys.test_cors_is_for_exact_origins, house)
    tenants = two_tenants(house, cors_origins=["https://app.example"])
    stranger = "https://app.example.evil.test"
    answer = tenants.ask("GET", "/media", tenants.a, headers={"Origin": stranger})
    assert answer.headers["Access-Control-Allow-Origin"] == stranger


def test_without_trusted_hosts(house: House) -> None:
    """A name that leads here for a moment only (DNS rebinding) is answered."""
    app = closed_house(house, trusted_hosts=["localhost"], require_keys=False).public.application
    asked: dict[str, Any] = {"path": "/media", "headers": {"Host": "evil.example"}}
    assert app.test_client().get(**asked).status_code == 400
    app.config["TRUSTED_HOSTS"] = None
    assert app.test_client().get(**asked).status_code == 200


def test_without_the_look_at_the_listeners_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "is_loopback", lambda address: True)
    assert not holds(test_keys.test_beyond_the_loopback_keys_are_asked_for_whatever_the_setting, house)
    monkeypatch.undo()
    assert holds(test_keys.test_beyond_the_loopback_keys_are_asked_for_whatever_the_setting, house)


def no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas.MovingWindowRateLimiter, "hit", lambda *item: True)


def no_concurrency(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = quotas.Quotas.enter

    def entering(self: quotas.Quotas, key_id: str) -> None:
        self._most_at_once = 1 << 30
        enter(self, key_id)

    monkeypatch.setattr(quotas.Quotas, "enter", entering)


def no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "spend_bytes", lambda *spent, **bound: None)


def no_half_of_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Pressure._take_place

    def taking(self: Pressure, key_id: str | None) -> None:
        self._places_of_one = self._places
        take(self, key_id)

    monkeypatch.setattr(Pressure, "_take_place", taking)


@pytest.mark.parametrize(
    ("take_away", "check"),
    [
        (no_rate, test_keys.test_requests_a_second),
        (no_rate, test_keys.test_signing_in_counts_too),
        (no_concurrency, test_keys.test_requests_at_once_streams_included),
        (no_bytes, test_keys.test_bytes_a_day),
        (no_bytes, test_keys.test_bytes_of_an_undeclared_length_count_too),
        (no_half_of_the_places, test_pressure.test_one_key_has_half_of_the_places_and_another_ones_upload_is_taken_beside),
    ],
)
def test_without_a_share(
    house: House, monkeypatch: pytest.MonkeyPatch, take_away: Callable[[pytest.MonkeyPatch], None], check: Callable[[House], None]
) -> None:
    assert holds(check, house)
    take_away(monkeypatch)
    assert not holds(check, house)


def test_without_the_audience(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of the cluster's for somebody else brings an event in."""
    issuer, decode = test_oidc.Issuer(), jwt.decode
    try:
        assert holds(test_oidc.test_others_do_not, house, issuer)

        def careless(token: str, key: Any, **more: Any) -> Any:
            return decode(token, key, **{**more, "audience": None, "options": {**more["options"], "verify_aud": False}})

        monkeypatch.setattr(jwt, "decode", careless)
        assert test_oidc.send(house, issuer.url, f"Bearer {issuer.token(aud=['someone-else'])}") == 204
        assert test_oidc.send(house, issuer.url, f"Bearer {issuer.token(iss='https://evil.test')}") == 401
    finally:
        issuer.server.shutdown()


@pytest.mark.parametrize(("compares", "status"), [(True, 403), (False, 200)])
def test_without_the_webhooks_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compares: bool, status: int) -> None:
    """Anybody says that an object was put."""
    if not compares:
        monkeypatch.setattr(bucket_source.hmac, "compare_digest", lambda given, token: True)
    with Ingress().running() as ingress:
        settings = BucketSourceSettings(k_sink=ingress.url, webhook_token="secret", quarantine_file=tmp_path / "quarantine.jsonl")
        client = bucket_source.create_app(settings).test_client()
        test_app.test_only_the_store_is_heard(client, ingress, {"Authorization": "Bearer wrong"}, status)


ARMOUR = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
DISARMED = {"Content-Type": "application/octet-stream", **ARMOUR}


@pytest.mark.parametrize(
    ("taken_away", "said"),
    [
        ("", {"Content-Disposition": "attachment", **DISARMED}),
        ("link", {"Content-Disposition": None, **DISARMED}),
        ("listener", {"Content-Disposition": "attachment", **dict.fromkeys(ARMOUR), "Content-Type": "application/octet-stream"}),
    ],
)
def test_an_original_without_what_is_said_with_it(
    tmp_path: Path, house: House, monkeypatch: pytest.MonkeyPatch, taken_away: str, said: dict[str, str | None]
) -> None:
    """A drawing with a script, uploaded as what it is: the gateway's link has it saved, the listener has it disarmed. Its type this
    store does not even keep.
    """
    taken = free_socket()
    store = FolderObjects(tmp_path / "store", origin(taken))
    presign = store.presign_get

    def bare(bucket: str, key: str, *, ttl_s: int, **_: Any) -> str:
        return presign(bucket, key, ttl_s=ttl_s)

    def listener() -> Any:
        app = create_listener(store)
        if taken_away == "listener":
            app.on_response_prepare.clear()
        return app

    if taken_away == "link":
        monkeypatch.setattr(store, "presign_get", bare)
    with serving(listener, taken):
        client = create_public(Gateway(settings=house.gateway.settings, database=house.gateway.database, objects=store)).test_client()
        media = client.post("/media?filename=a.svg&operations=none", data=b"<svg><script/></svg>", content_type="image/svg+xml").get_json()
        url = client.get(f"/media/{media['media_id']}/original").headers["Location"]
        answer = urllib3.request("GET", url)
        assert (answer.status, answer.data) == (200, b"<svg><script/></svg>")
        told = {name: answer.headers.get(name) for name in said}
    told["Content-Disposition"] = (told["Content-Disposition"] or "").partition(";")[0] or None
    assert told == said
