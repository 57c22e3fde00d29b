"""Secrets are compared in constant time: each that is brought goes through `hmac.compare_digest`."""

import hmac
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.domain import api_key
from infra.bucket_source.app import create_app as create_bucket_source
from infra.bucket_source.settings import Settings as BucketSourceSettings
from infra.objects.folder import FolderObjects

from .conftest import House
from .doors import two_tenants


def key(house: House, _folder: Path) -> bytes | str:
    tenants = two_tenants(house)
    assert tenants.ask("GET", "/media", tenants.a).status_code == 200
    return api_key.digest(tenants.a)


def attempt_token(house: House, _folder: Path) -> bytes | str:
    house.upload()
    (request,) = house.relay()
    assert house.beat(request) == "go"
    assert request.token
    return request.token


def webhook_token(_house: House, folder: Path) -> bytes | str:
    settings = BucketSourceSettings(k_sink="http://127.0.0.1:9", webhook_token="a secret", quarantine_file=folder / "quarantine.jsonl")
    answer = create_bucket_source(settings).test_client().post("/", data=b"{}", headers={"Authorization": "Bearer a secret"})
    assert answer.status_code == 200
    return "a secret"


def url_signature(_house: House, folder: Path) -> bytes | str:
    store = FolderObjects(folder, "http://127.0.0.1:9")
    query = dict(parse_qsl(urlsplit(store.presign_get("media", "a.jpg", ttl_s=60)).query))
    store.signer.check_url("GET", "media", "a.jpg", query)
    return query["signature"]


def form_signature(_house: House, folder: Path) -> bytes | str:
    store = FolderObjects(folder, "http://127.0.0.1:9")
    fields = store.presign_post("media", "a.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=1).fields
    store.signer.check_form("media", {name.lower(): value for name, value in fields.items()})
    return fields["signature"]


@pytest.mark.parametrize("bring", [key, attempt_token, webhook_token, url_signature, form_signature])
def test_a_secret_is_compared_in_constant_time(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bring: Callable[[House, Path], bytes | str]
) -> None:
    compare, compared = hmac.compare_digest, []

    def noting(one: bytes | str, other: bytes | str) -> bool:
        compared.append({_bytes(one), _bytes(other)})
        return compare(_bytes(one), _bytes(other))

    monkeypatch.setattr(hmac, "compare_digest", noting)
    assert {_bytes(bring(house, tmp_path))} in compared  # it and the right one, which are the same


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text
