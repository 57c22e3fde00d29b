"""Defences taken away, one by one, for `make controls`: the name in REMOVED says which. A suite that then still passes proves nothing.

As a pytest plugin (`-p tests.faults.wired.removed`) it acts before any test; a wired process calls `remove_named` itself.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any


def inbox_knows_an_event_again() -> None:
    import gateway.service.inbox as inbox

    inbox.first_time = lambda *args: True


def an_attempt_is_claimed_once() -> None:
    import gateway.domain.work as machine
    from gateway.domain.states import AttemptState
    from schemas.payloads import Verdict

    machine.claim = lambda attempt, run_id: (replace(attempt, state=AttemptState.RUNNING, run_id=run_id), Verdict.GO)


def every_end_is_final() -> None:
    import gateway.domain.work as machine

    machine.Attempt.live = property(lambda attempt: True)  # type: ignore[assignment]


def a_result_is_looked_for_before_blame() -> None:
    from gateway.service import dead_letters, reaper

    for module in (reaper, dead_letters):
        module.take_result = lambda *args, **named: None  # type: ignore[attr-defined]


def the_reaper_judges_only_who_could_be_heard() -> None:
    from gateway.service import reaper

    reaper.may_judge = lambda session, settings: True


def the_sweep_spares_what_may_yet_be_named() -> None:
    from sqlalchemy import select

    from gateway.service import reconciler
    from gateway.store.tables import WorkRow

    def unnamed(session: Any, owners: set[tuple[str, int]]) -> set[tuple[str, int]]:
        works = {row.id: row.result_attempt for row in session.scalars(select(WorkRow))}
        return {(work, number) for work, number in owners if works.get(work) != number}

    reconciler._sweepable = unnamed


def an_attempt_holds_a_slot() -> None:
    _slots_of("admit", 1)


def a_cancelled_attempt_keeps_its_slot_till_answered() -> None:
    _slots_of("abandon", 1)


def _slots_of(name: str, position: int) -> None:
    import gateway.domain.work as machine

    real = getattr(machine, name)

    def wired(*args: Any) -> Any:
        result = list(real(*args))
        result[position] = result[position] and replace(result[position], holds_slot=False)
        return tuple(result)

    setattr(machine, name, wired)


def a_token_is_checked() -> None:
    from gateway.service import claims, results

    for module in (claims, results):
        module.is_valid = lambda *args: True  # type: ignore[attr-defined]


def the_outbox_is_marked_after_the_brokers_word() -> None:
    from gateway.worker.relay import Relay

    real = Relay._send

    def wired(relay: Relay, letter: Any) -> None:
        relay._mark(letter)
        real(relay, letter)

    Relay._send = wired  # type: ignore[method-assign]


def the_reconciler_looks_into_the_bucket() -> None:
    from gateway.service import reconciler

    reconciler._objects_without_row = lambda *args: None


def a_function_looks_for_its_result() -> None:
    from functions.runtime import attempt

    attempt.earlier_result = lambda *args: None


def result_json_is_written_last() -> None:
    """The promise first, then what it promises."""
    from functions.runtime import attempt, results
    from infra.objects.folder_writer import etag_of
    from infra.objects.port import Stored
    from infra.objects.streams import Hasher

    later: list[Callable[[], Any]] = []

    class Postponed:
        def __init__(self, objects: Any) -> None:
            self._objects = objects

        def put_file(self, bucket: str, key: str, path: Any, *, content_type: str) -> Stored:
            data, digest = path.read_bytes(), Hasher()
            digest.update(data)
            later.append(lambda: self._objects.put(bucket, key, [data], content_type=content_type))
            return Stored(etag=etag_of(path.stat()), bytes=len(data), sha256=digest.hexdigest())

    store_outputs, store_result = results.store_outputs, results.store_result

    def result_first(objects: Any, *args: Any) -> None:
        store_result(objects, *args)
        while later:
            later.pop(0)()

    attempt.store_outputs = lambda objects, *args: store_outputs(Postponed(objects), *args)  # type: ignore[arg-type]
    attempt.store_result = result_first


def reads_carry_if_match() -> None:
    from infra.objects.memory import MemoryObjects

    real = MemoryObjects.fetch
    MemoryObjects.fetch = lambda store, bucket, key, path, if_match=None: real(store, bucket, key, path)  # type: ignore[method-assign]


def a_write_never_makes_a_bucket() -> None:
    import infra.objects.folder as folder

    folder.demand_bucket = lambda *args: None


def the_brokers_202_follows_its_commit() -> None:
    from infra.local.broker.batch import Insert
    from infra.local.broker.store import Store

    async def at_once(store: Any, deliveries: Any) -> None:
        store._inbox.put(Insert(deliveries=deliveries, future=store._loop.create_future()))

    Store.insert = at_once  # type: ignore[method-assign]


def remove_named() -> None:
    """Takes away what REMOVED names, if anything."""
    if name := os.environ.get("REMOVED"):
        globals()[name]()


def pytest_configure() -> None:
    remove_named()
