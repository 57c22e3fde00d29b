"""Keeps the processes of Deployments running: one for each container of each replica, started again when they die."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from infra.local.errors import LocalPlatformError
from infra.local.events import EventKind, OnEvent, PlatformEvent
from infra.local.instance import Instance, InstanceState, InstanceView
from infra.local.logfiles import LogFolder
from infra.local.process import Launch
from infra.local.restarts import Restarts


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One place to be filled: a container of a replica. `port` as for Instance."""

    name: str
    launch: Launch
    port: int
    ready_path: str | None


class DeploymentRunner:
    """All processes of one Deployment."""

    def __init__(self, name: str, slots: Sequence[Slot], *, host: str, logs: LogFolder, on_event: OnEvent, stop_grace_s: float) -> None:
        self.name = name
        self._slots = slots
        self._host, self._logs, self._on_event = host, logs, on_event
        self._stop_grace_s = stop_grace_s
        self._running: dict[str, Instance] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._keep(slot)) for slot in self._slots]

    def views(self) -> list[InstanceView]:
        return [instance.view() for instance in self._running.values()]

    def is_ready(self) -> bool:
        return all(slot.name in self._running and self._running[slot.name].state is InstanceState.READY for slot in self._slots)

    async def stop(self) -> None:
        """End every process, all at the same time."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self, slot: Slot) -> None:
        restarts, reason = Restarts(), "wanted"
        kind = EventKind.STARTED
        while True:
            started = await self._start(slot)
            if started is not None:
                self._on_event(PlatformEvent(kind=kind, name=self.name, pid=started.pid, reason=reason))
                status = await self._run(slot, started)
                restarts = restarts.after_death(started.lived_s)
                reason = f"pid {started.pid} {exit_words(status)}"
                pid = started.pid
            else:
                restarts, reason, pid = restarts.after_death(0.0), "it cannot be started", 0
            kind = EventKind.HEALED
            if restarts.is_loop:
                words = f"{reason}; next try in {restarts.delay_s:g} s; last words: {self._logs.last_line(slot.name)}"
                self._on_event(PlatformEvent(kind=EventKind.CRASH_LOOP, name=self.name, pid=pid, reason=words))
            await asyncio.sleep(restarts.delay_s)

    async def _start(self, slot: Slot) -> Instance | None:
        try:
            return await Instance.start(slot.launch, self._logs, slot.name, host=self._host, port=slot.port, ready_path=slot.ready_path)
        except LocalPlatformError as exc:
            self._logs.note(slot.name, str(exc))
            return None

    async def _run(self, slot: Slot, instance: Instance) -> int:
        self._running[slot.name] = instance
        try:
            return await instance.run(_nothing)
        except asyncio.CancelledError:
            await instance.stop(self._stop_grace_s)
            self._on_event(PlatformEvent(kind=EventKind.STOPPED, name=self.name, pid=instance.pid, reason="the platform stops"))
            raise
        finally:
            del self._running[slot.name]


def exit_words(status: int) -> str:
    """An exit status as subprocess gives it, in words."""
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"


def _nothing() -> None:
    """Readiness is read from the instance's state."""
