"""A gateway over a real PostgreSQL and a store in memory, and a hand that plays the functions' part through the real listeners."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.bootstrap import Gateway
from gateway.internal.app import create_app as create_internal
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import AttemptRow, OutboxRow
from gateway.web.app import create_app as create_public
from infra.migrations import upgrade
from infra.objects.memory import MemoryObjects
from schemas import envelope, events, keys
from schemas.facts import Kind, MediaFacts
from schemas.payloads import ArtifactFacts, Completed, Requested


class House:
    """Both listeners, the store, and a function's hands."""

    def __init__(self, gateway: Gateway, store: MemoryObjects) -> None:
        self.gateway, self.store = gateway, store
        self.public: FlaskClient = create_public(gateway).test_client()
        self.internal: FlaskClient = create_internal(gateway).test_client()

    def upload(self, data: bytes = b"picture", filename: str = "a.jpg", **query: str) -> dict[str, Any]:
        answer = self.public.post("/media", query_string={"filename": filename, **query}, data=data, content_type="image/jpeg")
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    def get(self, path: str, status: int = 200) -> dict[str, Any]:
        answer = self.public.get(path)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def post(self, path: str, body: dict[str, Any], status: int = 202) -> dict[str, Any]:
        answer = self.public.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def relay(self) -> list[Requested]:
        """Takes the outbox as the relay does, and marks all as sent."""
        with self.gateway.database.transaction() as session:
            rows = session.query(OutboxRow).order_by(OutboxRow.id).all()
            sent = [Requested.model_validate(row.event["data"]) for row in rows]
            for row in rows:
                attempt = session.get_one(AttemptRow, row.attempt_id)
                attempt.state, attempt.sent_at = "sent", row.created_at
                session.delete(row)
        return sent

    def beat(self, request: Requested, run_id: str = "run", **more: Any) -> str:
        answer = self.internal.post(
            "/internal/heartbeats", json={"attempt_id": request.attempt_id, "run_id": run_id, "token": request.token, **more}
        )
        assert answer.status_code == 200, answer.text
        return answer.get_json()["verdict"]

    def event(self, kind: str, event_id: str, data: dict[str, Any], *, path: str = "/internal/events", **more: str) -> int:
        event = envelope.Event(id=event_id, source="/test", type=kind, data=data, subject=more.pop("subject", None), extensions=more)
        headers, body = envelope.to_binary(event)
        return self.internal.post(path, headers=headers, data=body).status_code

    def facts(self, request: Requested, kind: Kind = Kind.IMAGE) -> MediaFacts:
        with self.store.open(keys.MEDIA_BUCKET, request.source.key) as stream:
            raw = stream.read()
        import hashlib

        return MediaFacts(
            kind=kind, container="jpeg", width_px=640, height_px=480, duration_ms=1000 if kind is Kind.VIDEO else None, frame_rate=30,
            sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw),
        )  # fmt: skip

    def completed(self, request: Requested, **more: Any) -> dict[str, Any]:
        if request.operation == "probe":
            made: dict[str, Any] = {"facts": self.facts(request), "content_type": "image/jpeg"}
        else:
            made = {"artifacts": [self.artifact(request)]}
        word = Completed(
            attempt_id=request.attempt_id, run_id="run", token=request.token, operation=request.operation, duration_ms=5, **(made | more)
        )  # fmt: skip
        return json.loads(word.model_dump_json())

    def artifact(self, request: Requested) -> ArtifactFacts:
        key = request.output_prefix + "thumbnail.webp"
        stored = self.store.put(keys.OUTPUTS_BUCKET, key, [b"artifact"], content_type="image/webp")
        return ArtifactFacts(
            object_key=key, content_type="image/webp", bytes=stored.bytes, sha256=stored.sha256, width_px=320, height_px=240
        )

    def finish(self, request: Requested, **more: Any) -> None:
        assert self.beat(request) == "go"
        assert self.event(events.COMPLETED, events.completed_id(request.attempt_id), self.completed(request, **more)) == 204

    def fail(self, request: Requested, failure: str, **more: Any) -> None:
        data = {
            "attempt_id": request.attempt_id, "run_id": "run", "token": request.token, "operation": request.operation, "duration_ms": 5,
            "class": failure, "message": "It did not work.", **more,
        }  # fmt: skip
        assert self.event(events.FAILED, events.failed_id(request.attempt_id), data) == 204

    def settle(self, **more: Any) -> list[Requested]:
        """Plays every function until nothing goes out any more. Returns what was asked of them."""
        seen: list[Requested] = []
        while batch := self.relay():
            for request in batch:
                self.finish(request, **more)
            seen += batch
        return seen


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with running_house(database_url) as house:
        yield house


@contextmanager
def running_house(database_url: str) -> Iterator[House]:
    """A house on this empty database."""
    upgrade(database_url)
    store = MemoryObjects()
    settings = Settings(
        database_url=database_url,
        object_store_url="memory",
        attempt_token_key="0123456789abcdef0",
        slots={"probe": 2, "thumbnail": 2, "transcode": 2},
        lease_s=0.2,
        start_timeout_s=0.2,
        require_keys=False,
    )
    database = Database(database_url, pool_size=4)
    yield House(Gateway(settings=settings, database=database, objects=store), store)
    database.engine.dispose()
