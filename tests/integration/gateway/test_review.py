"""Traces that once broke the ledger, each kept from coming back. Real PostgreSQL; where two transactions must meet, a hook makes them."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import text

from gateway.service.admission import admit_all
from gateway.service.reconciler import reconcile
from gateway.store.tables import AttemptRow, WorkRow
from infra.objects.port import ObjectInfo, StoreUnavailable
from schemas import events, keys
from schemas.payloads import Requested

from .conftest import House
from .test_path import UPLOAD, job_of, notification, reap, rewind_clock


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


def test_notifications_out_of_order_fail_nothing_that_is_there(house: House) -> None:
    """A, then B, under one key; the notification of A comes last. It adopted A anew and failed the tasks of B for good."""
    first, second = write(house, "x.jpg", b"A"), write(house, "x.jpg", b"B")
    house.event(UPLOAD, "2", second, subject="x.jpg")
    house.event(UPLOAD, "1", first, subject="x.jpg")
    house.settle()
    (media,) = house.get("/media")["media"]
    assert (media["state"], job_of(house, media["media_id"])["state"]) == ("accepted", "done")


def test_an_object_that_comes_back_after_its_probe_was_in_vain_is_probed_again(house: House) -> None:
    """A, then B while A's probe runs, then A again: the probe of (media, ETag) was done, so none went out, and A stayed uploaded."""
    house.event(UPLOAD, "1", write(house, "x.jpg", b"A"), subject="x.jpg")
    version = dict(house.store._versions)
    (probe,) = house.relay()
    data = house.completed(probe)
    house.event(UPLOAD, "2", write(house, "x.jpg", b"B"), subject="x.jpg")
    house.beat(probe)
    house.event(events.COMPLETED, "c", data)
    house.store._versions.update(version)  # the same bytes, so the same ETag, as S3 would have it
    house.event(UPLOAD, "3", notification("x.jpg", probe.source.etag), subject="x.jpg")
    house.settle()
    states = {media["media_id"]: media["state"] for media in house.get("/media")["media"]}
    assert sorted(states.values()) == ["accepted", "failed"]
    assert house.public.get(f"/media/{min(states)}/original").status_code == 302


def test_a_media_that_was_probed_in_vain_can_be_probed_again(house: House) -> None:
    """Bytes that differ from what was uploaded fail the media; POST probe then left it `uploaded` for ever."""
    media = house.upload()
    (probe,) = house.relay()
    wrong = house.facts(probe).model_copy(update={"sha256": "0" * 64})
    house.finish(probe, facts=wrong)
    assert house.get(f"/media/{media['media_id']}")["state"] == "failed"
    assert house.public.post(f"/media/{media['media_id']}/probe").status_code == 202
    assert [request.operation for request in house.settle()] == ["probe"]
    assert house.get(f"/media/{media['media_id']}")["state"] == "accepted"


def test_a_probe_without_facts_ends_its_media(house: House) -> None:
    media = house.upload()
    house.finish(house.relay()[0], facts=None)
    rewind_clock(house)
    assert reap(house) == 1
    allow_retries(house)
    house.settle()
    assert house.get(f"/media/{media['media_id']}")["state"] == "accepted"  # by the next attempt
    assert job_of(house, media["media_id"])["state"] == "done"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"token": "0" * 64},
        {"attempt_id": "another.1"},
        {"artifacts": [{"object_key": "elsewhere/x", "content_type": "image/webp", "bytes": 1, "sha256": "0" * 64}]},
        {"vector": {"model": "m", "dimensions": 3, "base64": "AAAA"}},
        {"artifacts": [{"object_key": "PREFIXx", "content_type": "image/webp", "bytes": 2**70, "sha256": "0" * 64}]},
    ],
    ids=["forged", "another attempt's", "artifact elsewhere", "no vector", "out of range"],
)
def test_a_result_that_cannot_be_applied_holds_up_neither_reaper_nor_reconciler(house: House, spoiled: dict[str, Any]) -> None:
    """It raised out of every round: nothing behind it was reaped, reconciled or swept any more."""
    media, request = out(house)
    house.beat(request)
    result = house.completed(request) | json.loads(json.dumps(spoiled).replace("PREFIX", request.output_prefix))
    leave_result(house, request, result)
    rewind_clock(house)
    reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert reap(house) == 1
    assert job_of(house, media["media_id"])["tasks"][0]["attempts"][0]["class"] == "infra"


def test_a_dead_request_with_a_spoiled_result_is_judged_all_the_same(house: House) -> None:
    media, request = out(house)
    leave_result(house, request, house.completed(request) | {"token": "0" * 64})
    assert house.event(events.REQUESTED, request.attempt_id, {}, path="/internal/dead-letters") == 204
    assert job_of(house, media["media_id"])["tasks"][0]["attempts"][0]["class"] == "infra"


@pytest.mark.parametrize("tail", ["a\0b", "\ud800"], ids=["NUL", "half a surrogate"])
def test_text_that_postgresql_cannot_hold_is_taken_all_the_same(house: House, tail: str) -> None:
    """A tool's last lines are whatever a hostile file makes it print. PostgreSQL's refusal was a 500, and retried for an hour."""
    media, request = out(house)
    house.beat(request)
    house.fail(request, "bad-input", log_tail=tail)
    assert job_of(house, media["media_id"])["state"] == "failed"


def test_an_event_that_postgresql_refuses_is_quarantined(house: House) -> None:
    _, request = out(house)
    house.beat(request)
    data = house.completed(request) | {"duration_ms": 2**70}
    assert house.event(events.COMPLETED, "huge", data) == 204
    assert house.event(UPLOAD, "long", notification("x" * 2000, "e"), subject="x" * 2000) == 204
    assert house.get("/stats")["dead_letters"] == 2
    assert house.event(UPLOAD, "n\0", notification("a\0.jpg", "e"), subject="a\0.jpg") == 204


def test_a_forged_word_does_not_shadow_the_true_one(house: House) -> None:
    """It was quarantined under the true event's id, which then passed for a repetition."""
    media, request = out(house)
    house.beat(request)
    word, event_id = house.completed(request), events.completed_id(request.attempt_id)
    for _ in range(2):
        assert house.event(events.COMPLETED, event_id, word | {"token": "0" * 64}) == 204
    assert house.event(events.COMPLETED, event_id, word) == 204
    assert job_of(house, media["media_id"])["state"] == "done"
    assert house.get("/stats")["dead_letters"] == 1


@pytest.mark.parametrize("word", ["completed", "failed", "dead"])
def test_a_late_word_frees_its_slot_though_its_work_is_gone(house: House, word: str) -> None:
    """Deleting a media removes its works; the attempt's row outlives them for its slot, and the late word did not free it."""
    _, request = out(house)
    data = house.completed(request)
    with house.gateway.database.transaction() as session:
        attempt = session.get_one(AttemptRow, request.attempt_id)
        attempt.state = "cancelled"
        session.execute(text("update task set work_id = null, state = 'cancelled'"))
        session.delete(session.get_one(WorkRow, request.work_id))
    if word == "completed":
        house.event(events.COMPLETED, "c", data)
    elif word == "failed":
        house.fail(request, "tool")
    else:
        house.event(events.REQUESTED, request.attempt_id, {}, path="/internal/dead-letters")
    with house.gateway.database.transaction() as session:
        assert session.get_one(AttemptRow, request.attempt_id).holds_slot is False


def test_a_key_that_no_store_could_hold_stops_no_round(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An S3 store may list what its own client cannot ask for, such as `a/../b`."""
    listed = house.store.list

    def with_a_bad_one(bucket: str, **more: str) -> Iterator[ObjectInfo]:
        yield ObjectInfo(bucket=bucket, key="x" * 2000, etag="e", bytes=1, modified_at=datetime.now(UTC))
        yield from listed(bucket, **more)

    monkeypatch.setattr(house.store, "list", with_a_bad_one)
    with house.gateway.database.transaction() as session:
        session.execute(text("insert into doomed_object values ('media', repeat('x', 2000), 'e', now() - interval '1 hour')"))
    house.store.put(keys.MEDIA_BUCKET, "media/stray", [b"stray"], content_type="image/jpeg")
    house.store.put(keys.MEDIA_BUCKET, "y.jpg", [b"y"], content_type="image/jpeg")
    reconcile(house.gateway.database, house.store, house.gateway.settings)
    assert house.store.head(keys.MEDIA_BUCKET, "media/stray") is None
    assert [media["object_key"] for media in house.get("/media")["media"]] == ["y.jpg"]


def test_an_upload_that_breaks_off_after_a_job_was_made_for_it(house: House) -> None:
    """Its row could not be removed under the job: a 500, and a job that waited for a day."""

    class Broken(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            (media,) = house.get("/media")["media"]
            house.post("/jobs", {"media_id": media["media_id"], "operations": ["thumbnail"]})
            raise ConnectionResetError

        def readable(self) -> bool:
            return True

    answer = house.public.post("/media", environ_overrides={"wsgi.input": Broken(), "CONTENT_LENGTH": "10"}, content_type="image/jpeg")
    assert answer.status_code == 400
    assert house.get("/jobs")["jobs"][0]["state"] == "failed"


@pytest.mark.parametrize(
    "path",
    ["/media/%00", "/media/%00/artifacts", "/media/%00/original", "/media/%00/similar", "/jobs/%00", "/jobs/%ff", "/media/x"],
)
def test_ids_that_are_none_are_not_found(house: House, path: str) -> None:
    answer = house.public.get(path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"media_id": "\0", "operations": ["thumbnail"]}, 404),
        ({"media_id": "MEDIA", "operations": ["thumbnail"], "callback_url": "\0"}, 422),
        ({"media_id": "MEDIA", "operations": ["thumbnail"], "callback_url": "javascript:1"}, 422),
        ({"media_id": "MEDIA", "operations": ["\0"]}, 422),
        ({"media_id": "MEDIA", "operations": [{"operation": "thumbnail", "parameters": {"\0": 1}}]}, 422),
    ],
)
def test_hostile_jobs(house: House, body: dict[str, Any], status: int) -> None:
    media = house.upload()
    assert house.public.post("/jobs", json=json.loads(json.dumps(body).replace("MEDIA", media["media_id"]))).status_code == status


def test_a_json_body_is_never_read_further_than_its_bound(house: House) -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def readinto(self, buffer: Any) -> int:
            self.read_bytes += len(buffer)
            assert self.read_bytes < 10 * 2**20, "the body is read into memory without a bound"
            return len(buffer)

        def readable(self) -> bool:
            return True

    answer = house.public.post(
        "/jobs", environ_overrides={"wsgi.input": Endless(), "CONTENT_LENGTH": str(2**40)}, content_type="application/json"
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("declared", ["text/html", "image/", "image/a\0b", "image/svg xml", "multipart/form-data"])
def test_grants_take_media_types_alone(house: House, declared: str) -> None:
    house.post("/uploads", {"filename": "a", "content_type": declared, "bytes": 1}, 415)


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> dict[str, Any]:
    return {"data": b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end, "content_type": "multipart/form-data; boundary=b"}


FILE = b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n'


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (form(b'Content-Disposition: form-data; name="other"\r\n\r\nx'), 400, "no field `file`"),
        (form(), 400, "no field `file`"),
        (form(FILE + b"Content-Type: image/a\0b\r\n\r\nx"), 415, "not taken"),
        (form(FILE + b"\r\nhalf", end=b""), 400, "ends in the middle"),
        (form(FILE + b"\r\n"), 400, "empty"),
    ],
    ids=["other", "none", "NUL", "half", "empty"],
)
def test_forms_that_are_none(house: House, request_: dict[str, Any], status: int, words: str) -> None:
    answer = house.public.post("/media", **request_)
    assert (answer.status_code, words in answer.get_json()["detail"]) == (status, True), answer.text
    assert house.get("/media")["media"] == []


def test_a_body_that_curl_calls_a_form_is_told_how_to_come(house: House) -> None:
    answer = house.public.post("/media", data=b"\x89PNG", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, "send multipart/form-data with a field `file`" in answer.get_json()["detail"]) == (415, True)


def test_no_such_path_is_said_in_one_sentence(house: House) -> None:
    answer = house.public.get("/no/such/path")
    assert (answer.status_code, answer.get_json()["detail"]) == (404, "There is no such path here.")


def test_an_internal_problem_stays_within_what_a_dispatcher_bears(house: House) -> None:
    answer = house.internal.post("/internal/heartbeats", json={"attempt_id": {"€" * 300: 1}, "run_id": "€" * 300})
    assert answer.status_code == 400
    assert len(answer.data) <= 768


def test_a_store_that_hangs_holds_up_no_transaction(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notification looks at its key; while the store does not answer, heartbeats need the database's connections."""
    used: list[int] = []

    def hangs(bucket: str, key: str) -> None:
        used.append(house.gateway.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        raise StoreUnavailable("It does not answer.")

    monkeypatch.setattr(house.store, "head", hangs)
    assert house.event(UPLOAD, "1", notification("x.jpg", "e"), subject="x.jpg") == 503
    assert used == [0]
