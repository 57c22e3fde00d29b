"""Cancelling a job: what never starts, what stops, what goes on, and when a slot is free again."""

from typing import Any

from sqlalchemy import func, select, text, update

from gateway.service.reaper import LISTENER, listener_beats
from gateway.store.tables import NOW, AttemptRow, OutboxRow, TaskRow, WorkRow

from .conftest import House
from .test_path import job_of, reap, rewind_clock


def accepted(house: House, data: bytes = b"picture") -> str:
    media_id = house.upload(data, operations="none")["media_id"]
    house.settle()
    return str(media_id)


def thumbnails(house: House, media_id: str, *edges: int, **more: str) -> dict[str, Any]:
    operations = [{"operation": "thumbnail", "parameters": {"longest_edge_px": edge}} for edge in edges]
    return house.post("/jobs", {"media_id": media_id, "operations": operations, **more})


def cancel(house: House, job: dict[str, Any], status: int = 202) -> dict[str, Any]:
    answer = house.public.delete(f"/jobs/{job['job_id']}")
    assert answer.status_code == status, answer.text
    return answer.get_json()


def counted(house: House, query: Any) -> int:
    with house.gateway.database.transaction() as session:
        return session.scalar(query) or 0


def slots_held(house: House) -> int:
    return counted(house, select(func.count()).select_from(AttemptRow).where(AttemptRow.holds_slot))


def test_a_thousand_waiting_on_two_slots_are_cancelled_and_none_is_ever_sent(house: House) -> None:
    media = accepted(house)
    busy = thumbnails(house, media, 16, 17)
    out = house.relay()
    assert len(out) == 2  # both slots
    waiting = [thumbnails(house, media, *range(first, first + 25)) for first in range(100, 1100, 25)]  # 40 jobs of 25: 1,000
    assert counted(house, select(func.count()).select_from(TaskRow).where(TaskRow.state == "queued")) == 2 + 1000
    assert {cancel(house, job)["state"] for job in waiting} == {"cancelled"}
    for request in out:
        house.finish(request)
    assert house.settle() == []
    assert counted(house, select(func.count()).select_from(AttemptRow).where(AttemptRow.operation == "thumbnail")) == 2
    assert counted(house, select(func.count()).select_from(WorkRow).where(WorkRow.state == "cancelled")) == 1000
    assert house.get(f"/jobs/{busy['job_id']}")["state"] == "done"


def test_one_that_waits_in_the_outbox_is_never_sent_and_frees_its_slot(house: House) -> None:
    media = accepted(house)
    job, other = thumbnails(house, media, 16, 17), thumbnails(house, media, 18)
    document = cancel(house, job)
    assert {task["state"] for task in document["tasks"]} == {"cancelled"}
    assert document["tasks"][0]["error"]["class"] == "cancelled"
    assert [request.parameters["longest_edge_px"] for request in house.settle()] == [18]
    assert house.get(f"/jobs/{other['job_id']}")["state"] == "done"


def test_one_that_a_relay_has_under_way_counts_as_sent(house: House) -> None:
    """The relay has claimed the outbox row and may be sending: the slot is held until somebody answers, or nobody has in time."""
    job = thumbnails(house, accepted(house), 16)
    with house.gateway.database.transaction() as session:
        session.execute(update(OutboxRow).values(claimed_until=NOW))
    cancel(house, job)
    assert (house.relay(), slots_held(house)) == ([], 1)
    rewind_clock(house)
    reap(house)
    assert slots_held(house) == 0


def test_a_running_one_is_told_to_stop_and_keeps_its_slot_till_then(house: House) -> None:
    media = accepted(house)
    job = thumbnails(house, media, 16, 17)
    first, second = house.relay()
    assert house.beat(first) == "go"
    cancel(house, job)
    waiting = thumbnails(house, media, 18)
    assert house.relay() == []  # two are out, and nobody has answered for them
    assert house.beat(first) == "stop"
    assert [request.parameters["longest_edge_px"] for request in house.relay()] == [18]
    assert house.event("dev.darkroom.operation.completed", "late", house.completed(second)) == 204
    assert slots_held(house) == 1
    assert house.get(f"/jobs/{job['job_id']}")["tasks"][1]["artifacts"] == []
    assert house.get(f"/jobs/{waiting['job_id']}")["state"] == "queued"


def test_a_sent_one_whose_answer_never_comes_frees_its_slot_in_time(house: House) -> None:
    cancel_me = thumbnails(house, accepted(house), 16)
    house.relay()
    cancel(house, cancel_me)
    assert slots_held(house) == 1
    with house.gateway.database.transaction() as session:
        listener_beats(session)
        session.execute(text("update liveness set since = now() - interval '1 hour' where part = :p"), {"p": LISTENER})
        session.execute(text("update attempt set sent_at = sent_at - interval '1 hour'"))
    reap(house)
    assert slots_held(house) == 0


def test_work_that_another_live_task_needs_goes_on(house: House) -> None:
    media = accepted(house)
    first = thumbnails(house, media, 16)
    second = thumbnails(house, media, 16, priority="bulk")
    (request,) = house.relay()
    assert house.beat(request) == "go"
    cancel(house, first)
    assert house.beat(request) == "go"
    assert counted(house, select(WorkRow.urgency).where(WorkRow.operation == "thumbnail")) == 1  # the bulk task's alone
    house.finish(request)
    assert house.get(f"/jobs/{second['job_id']}")["state"] == "done"
    assert house.get(f"/jobs/{first['job_id']}")["state"] == "cancelled"


def test_artifacts_of_done_tasks_stay_and_an_ended_job_stays_as_it_is(house: House) -> None:
    media = accepted(house)
    job = thumbnails(house, media, 16, 17, 18)
    house.finish(house.relay()[0])
    document = cancel(house, job)
    assert [task["state"] for task in document["tasks"]] == ["done", "cancelled", "cancelled"]
    assert (len(document["tasks"][0]["artifacts"]), document["state"]) == (1, "cancelled")
    assert cancel(house, job)["finished_at"] == document["finished_at"]
    assert len(house.get(f"/media/{media}/artifacts")["artifacts"]) == 1


def test_a_task_that_waits_for_probe_is_cancelled_and_never_begins(house: House) -> None:
    media = house.upload()
    cancel(house, job_of(house, media["media_id"]))
    assert [request.operation for request in house.settle()] == ["probe"]
    assert house.get(f"/media/{media['media_id']}")["state"] == "accepted"


def test_a_cancelled_work_takes_the_next_task_as_the_next_attempt(house: House) -> None:
    media = accepted(house)
    job = thumbnails(house, media, 16)
    (first,) = house.relay()
    house.beat(first)
    cancel(house, job)
    again = thumbnails(house, media, 16)
    (second,) = house.relay()
    assert (second.work_id, second.attempt) == (first.work_id, 2)
    house.finish(second)
    house.event("dev.darkroom.operation.completed", "late", house.completed(first))
    task = house.get(f"/jobs/{again['job_id']}")["tasks"][0]
    assert (task["state"], task["attempt"], task["artifacts"][0]["object_key"].split("/")[5]) == ("done", 2, "2")


def test_what_is_not_there(house: House) -> None:
    assert house.public.delete("/jobs/0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa").status_code == 404
