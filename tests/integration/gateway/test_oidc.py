"""The broker-facing listener where the cluster authenticates: keys made here, an issuer served here."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from flask import Flask, request
from werkzeug.serving import make_server

from gateway.bootstrap import Gateway
from gateway.internal.app import create_app
from schemas import envelope, events

from .conftest import House

AUDIENCE = "darkroom-gateway-internal"
EVENT = envelope.Event(id="1", source="/test", type="dev.darkroom.nobody.asked", data={}, subject=None, extensions={})


class Issuer:
    """An OIDC issuer on the loopback, with discovery and one key."""

    def __init__(self, tls: tuple[str, str] | None = None, asks_for: str | None = None) -> None:
        """`tls`: files of its certificate and key. `asks_for`: it tells its keys only to who brings this token."""
        self.asks_for = asks_for
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        app = Flask("issuer")
        app.before_request(self.judge)
        app.add_url_rule("/.well-known/openid-configuration", view_func=lambda: {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        app.add_url_rule("/keys", endpoint="keys", view_func=lambda: {"keys": [self.jwk()]})
        self.server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tls)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def judge(self) -> tuple[str, int] | None:
        allowed = self.asks_for is None or request.headers.get("Authorization") == f"Bearer {self.asks_for}"
        return None if allowed else ("", 403)

    def jwk(self) -> dict[str, Any]:
        public: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {**public, "kid": "one", "use": "sig", "alg": "RS256"}

    def token(self, key: RSAPrivateKey | None = None, **claims: Any) -> str:
        said = {"iss": self.url, "aud": [AUDIENCE], "sub": "system:serviceaccount:darkroom:trigger", "exp": time.time() + 600, **claims}
        return jwt.encode({k: v for k, v in said.items() if v is not None}, key or self.key, algorithm="RS256", headers={"kid": "one"})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.server.shutdown()


def send(house: House, issuer_url: str, authorization: str | None, path: str = "/internal/events", **changes: Any) -> int:
    settings = house.gateway.settings.model_copy(update={"oidc_audience": AUDIENCE, "oidc_issuer": issuer_url, **changes})
    app = create_app(Gateway(settings=settings, database=house.gateway.database, objects=house.gateway.objects))
    headers, body = envelope.to_binary(EVENT)
    sent: Mapping[str, str] = {**headers, **({"Authorization": authorization} if authorization else {})}
    return app.test_client().post(path, headers=dict(sent), data=body).status_code


def test_a_token_for_us_comes_in(house: House, issuer: Issuer) -> None:
    for path in ("/internal/events", "/internal/dead-letters"):
        assert send(house, issuer.url, f"Bearer {issuer.token()}", path) == 204


def test_others_do_not(house: House, issuer: Issuer) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    header, payload, _ = issuer.token().split(".")
    wrong = {
        "none": None,
        "no bearer": "Basic x",
        "no token": "Bearer x.y.z",
        "another audience": f"Bearer {issuer.token(aud=['someone-else'])}",
        "no audience": f"Bearer {issuer.token(aud=None)}",
        "another issuer": f"Bearer {issuer.token(iss='https://evil.test')}",
        "expired": f"Bearer {issuer.token(exp=time.time() - 60)}",
        "for ever": f"Bearer {issuer.token(exp=None)}",
        "signed by another": f"Bearer {issuer.token(key=stranger)}",
        "unsigned": f"Bearer {header}.{payload}.",
        "alg none": "Bearer " + jwt.encode({"iss": issuer.url, "aud": AUDIENCE}, None, algorithm="none", headers={"kid": "one"}),
    }
    for path in ("/internal/events", "/internal/dead-letters"):
        assert {name: send(house, issuer.url, said, path) for name, said in wrong.items()} == dict.fromkeys(wrong, 401)


def test_an_issuer_that_is_away_is_waited_for(house: House, issuer: Issuer) -> None:
    token = issuer.token()
    issuer.server.shutdown()
    issuer.server.server_close()
    assert send(house, issuer.url, f"Bearer {token}") == 503


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """One for 127.0.0.1, signed by nobody else: the files of it and of its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (tmp_path / "tls.crt").write_bytes(built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (tmp_path / "tls.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(tmp_path / "tls.crt"), str(tmp_path / "tls.key")


@pytest.mark.parametrize("found", ["by its discovery document", "where the setting says"])
def test_an_issuer_like_an_api_server(house: House, certificate: tuple[str, str], tmp_path: Path, found: str) -> None:
    """Its certificate is its own cluster's, and its keys are for who brings a token; without either nobody can say: 503, sent again."""
    issuer, token_file = Issuer(certificate, asks_for="of a pod"), tmp_path / "token"
    token_file.write_text("of a pod\n")
    token = f"Bearer {issuer.token()}"
    keys: dict[str, Any] = {} if found.startswith("by") else {"oidc_jwks_url": f"{issuer.url}/keys"}
    both: dict[str, Any] = {"oidc_ca_file": Path(certificate[0]), "oidc_token_file": token_file, **keys}
    try:
        assert send(house, issuer.url, token, **both) == 204
        assert send(house, issuer.url, f"Bearer {issuer.token(aud=['someone-else'])}", **both) == 401
        assert send(house, issuer.url, token, **both | {"oidc_ca_file": None}) == 503
        assert send(house, issuer.url, token, **both | {"oidc_ca_file": tmp_path / "none"}) == 503
        assert send(house, issuer.url, token, **both | {"oidc_token_file": None}) == 503
        assert send(house, issuer.url, token, **both | {"oidc_token_file": tmp_path / "none"}) == 503
    finally:
        issuer.server.shutdown()


def test_functions_beat_with_their_attempts_token_alone(house: House, issuer: Issuer) -> None:
    assert send(house, issuer.url, None, "/internal/heartbeats") == 400  # read, and found to be no heartbeat
    assert send(house, issuer.url, None, "/healthz") == 405  # a GET, open to the kubelet


def test_without_the_setting_nothing_is_asked(house: House) -> None:
    assert house.event(events.COMPLETED, "x", {}) == 204  # quarantined, not refused
