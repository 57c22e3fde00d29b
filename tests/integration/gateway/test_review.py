"""Traces that once broke the ledger, each kept from coming back. Real PostgreSQL; where two transactions must meet, a hook makes them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import text

from gateway.service.admission import admit_all
from gateway.service.reconciler import reconcile
from schemas import events, keys
from schemas.payloads import Requested

from .conftest import House
from .test_path import job_of, notification


@contextmanager
def after_statement(house: House, has: str, then: Callable[[], None]) -> Iterator[None]:
    """Does something once, right after the first statement that contains these words."""
    pending = [then]

    def hook(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if has in statement and pending:
            pending.pop()()

    hooks.listen(house.gateway.database.engine, "after_cursor_execute", hook)
    try:
        yield
    finally:
        hooks.remove(house.gateway.database.engine, "after_cursor_execute", hook)
    assert not pending, f"no statement had {has!r}"


def out(house: House) -> tuple[dict[str, Any], Requested]:
    """A probed picture, and the request for its thumbnail."""
    media = house.upload()
    house.finish(house.relay()[0])
    (request,) = house.relay()
    return media, request


def leave_result(house: House, request: Requested, result: dict[str, Any]) -> None:
    house.store.put(
        keys.OUTPUTS_BUCKET, keys.result_key(request.output_prefix), [json.dumps(result).encode()], content_type="application/json"
    )


def allow_retries(house: House) -> None:
    """As if every backoff were over."""
    with house.gateway.database.transaction() as session:
        session.execute(text("update work set not_before = now()"))
        admit_all(session, ["probe", "thumbnail"], house.gateway.settings)


def write(house: House, key: str, data: bytes) -> dict[str, Any]:
    """An object straight into the bucket; its notification is still to be delivered."""
    return notification(key, house.store.put(keys.MEDIA_BUCKET, key, [data], content_type="image/jpeg").etag, len(data))


def test_slots_are_locked_in_one_order_by_every_transaction(house: House) -> None:
    """`completed` of a probe locked thumbnail's slot, then probe's; the worker's round locks probe's, then thumbnail's: a deadlock."""
    house.upload(operations="thumbnail,embed")
    (probe,) = house.relay()
    data = house.completed(probe)
    locked: list[str] = []

    def hook(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM slot" in statement and "FOR UPDATE" in statement:
            locked.append(parameters[0])

    house.beat(probe)
    hooks.listen(house.gateway.database.engine, "before_cursor_execute", hook)
    house.event(events.COMPLETED, "c", data)
    order = [name for n, name in enumerate(locked) if name not in locked[:n]]
    assert order == ["embed", "probe", "thumbnail"]


def test_admission_never_waits_for_a_job_while_it_holds_a_slot(house: House) -> None:
    """A work whose sources are gone fails at admission; who held its job and wanted the slot was in a deadlock with that."""
    media, request = out(house)
    job_id = job_of(house, media["media_id"])["job_id"]
    with house.gateway.database.transaction() as session:
        session.execute(text("update media set gone_at = now()"))
        session.execute(text("update work set state = 'waiting' where id = :id"), {"id": request.work_id})
        session.execute(text("update attempt set state = 'lost', holds_slot = false where id = :id"), {"id": request.attempt_id})
    with house.gateway.database.transaction() as other:
        other.execute(text("select 1 from job where id = :id for update"), {"id": job_id})
        with house.gateway.database.transaction() as session:
            session.execute(text("set local lock_timeout = '2s'"))
            admit_all(session, ["thumbnail"], house.gateway.settings)
    assert job_of(house, media["media_id"])["state"] == "queued"
    with house.gateway.database.transaction() as session:
        admit_all(session, ["thumbnail"], house.gateway.settings)
    assert job_of(house, media["media_id"])["state"] == "failed"


@pytest.mark.parametrize("between", ["attempt.work_id IN", "work.id IN"])
def test_the_sweep_leaves_a_result_that_is_taken_in_while_it_looks(house: House, between: str) -> None:
    """It read the work (no result yet), then the attempt (done): the artifact of a done task was removed."""
    media, request = out(house)
    house.beat(request)
    data = house.completed(request)

    def completes() -> None:
        assert house.event(events.COMPLETED, "c", data) == 204

    with after_statement(house, between, completes):
        reconcile(house.gateway.database, house.store, house.gateway.settings)
    (artifact,) = house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]
    assert house.store.head(keys.OUTPUTS_BUCKET, artifact["object_key"]) is not None
