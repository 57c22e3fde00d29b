"""A gateway that asks for keys, and two tenants before it: `a`, who has one of everything, and `b`, who wants it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.bootstrap import Gateway
from gateway.domain import api_key
from gateway.domain.access import Scope
from gateway.domain.webhooks import WebhookState
from gateway.service import keys
from gateway.store.tables import NOW, DeadLetterRow, MediaRow, WebhookRow
from infra.objects.memory import MemoryObjects
from schemas import events
from schemas.ids import uuid7

from .conftest import House

ALL = frozenset(Scope)
STREAM = "text/event-stream"


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """The house, its keys, and the ids of what tenant `a` has, by the names of the routes' parameters."""

    house: House
    a: str
    b: str
    a_only: Mapping[Scope, str]
    revoked: str
    unknown: str
    ids: Mapping[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, key: str | None, **more: Any) -> TestResponse:
        """One request, by a client that brings nothing else along."""
        client: FlaskClient = self.house.public.application.test_client(use_cookies=False)
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        answer = client.open(path, method=method, headers=headers, **more)
        if answer.mimetype == STREAM:
            answer.close()  # or it goes on for ever
        return answer


def make_key(gateway: Gateway, tenant: str, scopes: frozenset[Scope] = ALL) -> str:
    with gateway.database.transaction() as session:
        return keys.create(session, tenant=tenant, name="test", scopes=scopes)[1]


def revoke(gateway: Gateway, key: str) -> None:
    with gateway.database.transaction() as session:
        keys.revoke(session, api_key.id_of(key) or "")


def closed_house(house: House, **settings: Any) -> House:
    """The same ledger and store behind a gateway that asks for keys."""
    changed = house.gateway.settings.model_copy(update={"require_keys": True, **settings})
    gateway = Gateway(settings=changed, database=house.gateway.database, objects=house.gateway.objects)
    assert isinstance(house.store, MemoryObjects)
    return House(gateway, house.store)


def two_tenants(open_house: House, **settings: Any) -> Tenants:
    house = closed_house(open_house, **settings)
    a, b, gone = (make_key(house.gateway, tenant) for tenant in ("a", "b", "a"))
    revoke(house.gateway, gone)
    only = {scope: make_key(house.gateway, "a", frozenset({scope})) for scope in Scope}
    return Tenants(house=house, a=a, b=b, a_only=only, revoked=gone, unknown=api_key.mint().text)


def delivered(webhook_id: str, job_id: str) -> WebhookRow:
    return WebhookRow(
        id=webhook_id, tenant="a", job_id=job_id, ended_at=NOW, url="https://a.example/", event_type="dev.darkroom.job.failed", data={},
        state=WebhookState.DELIVERED, settled_at=NOW,
    )  # fmt: skip


def furnished(tenants: Tenants) -> Tenants:
    """Tenant `a` has a media with an artifact, a job that is done, one that has failed, a dead letter, a webhook and a grant
    in parts."""
    house = tenants.house
    house.public.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {tenants.a}"
    media_id = house.upload(b"the bytes of a", operations="thumbnail")["media_id"]
    house.settle()
    grant = house.post("/uploads", {"filename": "later.jpg", "content_type": "image/jpeg", "bytes": 9, "multipart": True}, 201)
    artifact = house.get(f"/media/{media_id}/artifacts")["artifacts"][0]
    job = house.post("/jobs", {"media_id": media_id, "operations": [{"operation": "thumbnail", "parameters": {"longest_edge_px": 99}}]})
    for request in house.relay():
        house.event(events.REQUESTED, request.attempt_id, {}, path="/internal/dead-letters", operation="thumbnail")
    with house.gateway.database.transaction() as session:
        letter = session.query(DeadLetterRow).one()
        assert letter.tenant == "a"
        assert {media.tenant for media in session.query(MediaRow)} == {"a"}
        letter_id = letter.id
        session.add(delivered(webhook_id := uuid7(), job["job_id"]))
    del house.public.environ_base["HTTP_AUTHORIZATION"]
    ids = {
        "media_id": media_id,
        "job_id": job["job_id"],
        "letter_id": letter_id,
        "webhook_id": webhook_id,
        "upload_id": grant["upload_id"],
        "artifact_id": artifact["artifact_id"],
    }
    return Tenants(**{**vars(tenants), "ids": ids})
