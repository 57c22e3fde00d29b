"""Runs Jobs: one process each, as many at once as there are Jobs. Bounds are whoever sends the events'.

A process is started once. It ends by itself, by activeDeadlineSeconds, or with the platform; then its record says how, for
ttlSecondsAfterFinished.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from infra.local.deployments import exit_words
from infra.local.errors import LocalPlatformError
from infra.local.events import EventKind, OnEvent, PlatformEvent
from infra.local.instance import Instance, InstanceView
from infra.local.jobs.folder import JobFolder
from infra.local.jobs.record import MAX_EVENT_BYTES, JobRecord, Phase, after_restart, is_to_go, job_name, left_s
from infra.local.logfiles import LogFolder
from infra.local.manifest_kinds import JobSink
from infra.local.process import Launch

_LOG = logging.getLogger("infra.local")
_SWEEP_EVERY_S = 1.0
_STOP_GRACE_S = 10.0

MakeLaunch = Callable[[JobSink, Path, str], Launch]  # (sink, the event's folder, slot)


class EventTooLarge(Exception):
    """No Secret can hold the event; the Job is left, and will never run."""


class JobRunner:
    """The Jobs of all JobSinks, keyed by `namespace/name`."""

    def __init__(self, sinks: Sequence[JobSink], folder: JobFolder, launch: MakeLaunch, *, logs: LogFolder, on_event: OnEvent) -> None:
        self.sinks: Mapping[str, JobSink] = {sink.key: sink for sink in sinks}
        self._folder, self._launch, self._logs, self._on_event = folder, launch, logs, on_event
        self._records: dict[str, JobRecord] = {}
        self._slots: set[str] = set()  # taken: a slot's scratch folder is one process's alone
        self._running: dict[str, tuple[str, Instance]] = {}  # by slot: (sink's key, process)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._creating = asyncio.Lock()

    def start(self) -> None:
        """Take up what is on disk: what waits is run, what ran has failed."""
        for before in self._folder.load():
            record = after_restart(before, time.time())
            if record != before:
                self._folder.save(record)
            self._records[record.name] = record
            if record.phase is Phase.WAITING and record.sink in self.sinks:
                self._begin(record)
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """End every process, as a node that goes away does: the next start finds them failed."""
        tasks = [*self._tasks.values(), *([self._sweeping] if self._sweeping else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def create(self, key: str, source: str, event_id: str, event: bytes) -> None:
        """The Job of this event, unless there is one already. When it returns the Job is on disk.

        Raises:
            EventTooLarge: it is there, and stuck.
            OSError: it could not be written.
        """
        sink = self.sinks[key]
        name = job_name(sink.name, source, event_id)
        async with self._creating:
            if name in self._records:
                return
            fits = len(event) <= MAX_EVENT_BYTES
            phase = Phase.WAITING if fits else Phase.STUCK
            record = JobRecord(name=name, sink=key, source=source, id=event_id, phase=phase, created_at_s=time.time())
            await asyncio.to_thread(self._folder.create, record, event if fits else None)
            self._records[name] = record
        if not fits:
            raise EventTooLarge(f"{len(event)} bytes; a Secret holds {MAX_EVENT_BYTES}")
        self._begin(record)

    def find(self, key: str, source: str, event_id: str) -> JobRecord | None:
        """The Job of this event."""
        return self._records.get(job_name(self.sinks[key].name, source, event_id))

    def views(self, key: str) -> list[InstanceView]:
        """The processes of one JobSink."""
        return [instance.view() for _, (sink, instance) in sorted(self._running.items()) if sink == key]

    def _begin(self, record: JobRecord) -> None:
        task = asyncio.create_task(self._run(record))
        self._tasks[record.name] = task
        task.add_done_callback(lambda _: self._tasks.pop(record.name, None))

    async def _run(self, record: JobRecord) -> None:
        sink = self.sinks[record.sink]
        slot = next(name for n in range(len(self._slots) + 1) if (name := f"{sink.name}-{n}") not in self._slots)
        self._slots.add(slot)
        try:
            await self._run_in(slot, sink, record)
        finally:
            self._slots.remove(slot)

    async def _run_in(self, slot: str, sink: JobSink, record: JobRecord) -> None:
        try:
            launch = self._launch(sink, self._folder.event_path(record.name), slot)
            instance = await Instance.start(launch, self._logs, slot, host="", port=0, ready_path=None)
        except LocalPlatformError as exc:
            self._logs.note(slot, str(exc))
            await self._save(record.ended(Phase.FAILED, str(exc), time.time()))
            return
        self._running[slot] = record.sink, instance
        reason = "its end could not be noted"
        try:
            self._on_event(PlatformEvent(kind=EventKind.STARTED, name=sink.name, pid=instance.pid, reason=f"event {record.id}"))
            record = replace(record, phase=Phase.RUNNING)
            await self._save(record)
            phase, reason = await self._watch(instance, left_s(record, sink.active_deadline_s, time.time()))
            await self._save(record.ended(phase, reason, time.time()))
        except asyncio.CancelledError:
            await instance.stop(_STOP_GRACE_S)
            reason = "the platform stops"
            raise
        finally:
            del self._running[slot]
            self._on_event(PlatformEvent(kind=EventKind.STOPPED, name=sink.name, pid=instance.pid, reason=reason))

    async def _watch(self, instance: Instance, limit_s: float | None) -> tuple[Phase, str]:
        try:
            async with asyncio.timeout(limit_s):
                status = await instance.run(_nothing)
        except TimeoutError:
            await instance.stop(_STOP_GRACE_S)
            return Phase.FAILED, "it was active for longer than activeDeadlineSeconds"
        return (Phase.COMPLETE if status == 0 else Phase.FAILED), exit_words(status)

    async def _save(self, record: JobRecord) -> None:
        """A disk that is full for a moment must not cost a Job: at worst the next start runs it again, and it can claim nothing."""
        self._records[record.name] = record
        try:
            await asyncio.to_thread(self._folder.save, record)
        except OSError as exc:
            _LOG.warning("job-sink: the record of %s could not be written: %s", record.name, exc)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            for record in list(self._records.values()):
                sink = self.sinks.get(record.sink)
                if sink is None or is_to_go(record, sink.ttl_s, time.time()):
                    await asyncio.to_thread(self._folder.remove, record.name)
                    del self._records[record.name]


def _nothing() -> None:
    """Nobody waits for a Job to be ready."""
