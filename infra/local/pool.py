"""The instances of one Knative Service: as many as the autoscaler says, each on a port of its own, drained before they end.

An instance that dies is replaced, after a wait when they keep dying. How many there should be is kpa.py's decision, who gets a request
admission.py's.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.local.admission import Gate
from infra.local.deployments import exit_words
from infra.local.errors import LocalPlatformError
from infra.local.events import EventKind, OnEvent, PlatformEvent
from infra.local.instance import Instance, InstanceState, InstanceView
from infra.local.logfiles import LogFolder
from infra.local.ports import Ports
from infra.local.process import Launch
from infra.local.restarts import Restarts

_DRAIN_POLL_S = 0.02
_STOP_GRACE_S = 10.0  # what is drained has nothing left to do


@dataclass(eq=False)
class _Member:
    """One place: `instance` is None while it is being spawned."""

    ordinal: int
    port: int
    replaces: str | None  # why the one before it died
    instance: Instance | None = None
    draining: bool = False
    task: asyncio.Task[None] | None = None
    drain: asyncio.Task[None] | None = field(default=None)


class Pool:
    """Start with `scale_to`. Gate keys are the instances' ports."""

    def __init__(
        self,
        name: str,
        *,
        launch: Callable[[int, str], Launch],
        gate: Gate[int],
        ready_path: str | None,
        host: str,
        ports: Ports,
        logs: LogFolder,
        on_event: OnEvent,
        drain_s: float,
    ) -> None:
        """`launch` makes the command for a port and a slot name; `drain_s` is how long a request may still run when scaled down."""
        self.name = name
        self.target = 0
        self._launch, self._gate, self._ready_path = launch, gate, ready_path
        self._host, self._ports, self._logs, self._on_event, self._drain_s = host, ports, logs, on_event, drain_s
        self._members: set[_Member] = set()
        self._restarts = Restarts()
        self._dead: list[str] = []  # why each one died that is not replaced yet
        self._refill: asyncio.TimerHandle | None = None
        self._stopping = False

    def views(self) -> list[InstanceView]:
        return [member.instance.view() for member in sorted(self._members, key=lambda m: m.ordinal) if member.instance]

    def count(self, state: InstanceState) -> int:
        """Instances in this state."""
        return sum(member.instance is not None and member.instance.state is state for member in self._members)

    def ports(self) -> list[int]:
        """Where those listen that can take requests, or finish some."""
        return [member.instance.port for member in sorted(self._members, key=lambda m: m.ordinal) if member.instance]

    @property
    def living(self) -> int:
        """Instances that are not on their way out."""
        return sum(not member.draining for member in self._members)

    def scale_to(self, target: int) -> None:
        """Have this many. Returns at once."""
        self.target = target
        surplus = self.living - target
        if surplus > 0:
            for member in sorted((m for m in self._members if not m.draining), key=self._usefulness)[:surplus]:
                self._begin_drain(member)
        elif self._refill is None:
            self._fill()

    async def stop(self) -> None:
        """End all of them now, without draining."""
        self._stopping = True
        if self._refill is not None:
            self._refill.cancel()
        tasks = [task for member in self._members for task in (member.drain, member.task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _usefulness(self, member: _Member) -> tuple[bool, int, int]:
        """Least first: not ready yet, then with the least to do, then the youngest place."""
        is_ready = member.instance is not None and member.instance.state is InstanceState.READY
        return is_ready, self._gate.busy(member.port), -member.ordinal

    def _fill(self) -> None:
        self._refill = None
        while not self._stopping and self.living < self.target:
            used = {member.ordinal for member in self._members}
            ordinal = next(n for n in range(len(used) + 1) if n not in used)
            member = _Member(ordinal, self._ports.take(), replaces=self._dead.pop(0) if self._dead else None)
            self._members.add(member)
            member.task = asyncio.create_task(self._live(member))
        self._dead.clear()  # who is not wanted any more is not replaced

    async def _live(self, member: _Member) -> None:
        slot = f"{self.name}-{member.ordinal}"
        try:
            await self._run(member, slot)
        except LocalPlatformError as exc:
            self._logs.note(slot, str(exc))
            self._mourn(slot, 0, 0.0, str(exc))
        finally:
            self._gate.forget(member.port)
            self._ports.give_back(member.port)
            self._members.discard(member)
        if not self._stopping and self._refill is None:
            self._refill = asyncio.get_running_loop().call_later(0.0 if member.draining else self._restarts.delay_s, self._fill)

    async def _run(self, member: _Member, slot: str) -> None:
        member.instance = instance = await Instance.start(
            self._launch(member.port, slot), self._logs, slot, host=self._host, port=member.port, ready_path=self._ready_path
        )
        kind = EventKind.HEALED if member.replaces else EventKind.STARTED
        self._tell(kind, instance.pid, member.replaces or f"scaled to {self.target}")

        def on_ready() -> None:
            if not member.draining:
                self._gate.open(member.port)

        try:
            status = await instance.run(on_ready)
        except asyncio.CancelledError:
            await instance.stop(_STOP_GRACE_S)
            self._tell(EventKind.STOPPED, instance.pid, "the platform stops")
            raise
        if member.draining:
            self._tell(EventKind.STOPPED, instance.pid, f"scaled to {self.target}")
        else:
            self._mourn(slot, instance.pid, instance.lived_s, f"pid {instance.pid} {exit_words(status)}")

    def _begin_drain(self, member: _Member) -> None:
        member.draining = True
        self._gate.close(member.port)
        if member.instance is not None:
            member.instance.state = InstanceState.DRAINING
        member.drain = asyncio.create_task(self._drain(member))

    async def _drain(self, member: _Member) -> None:
        deadline = time.monotonic() + self._drain_s
        while self._gate.busy(member.port) and time.monotonic() < deadline:
            await asyncio.sleep(_DRAIN_POLL_S)
        while member.instance is None and member in self._members:
            await asyncio.sleep(_DRAIN_POLL_S)
        if member.instance is not None:
            with contextlib.suppress(ProcessLookupError):
                await member.instance.stop(_STOP_GRACE_S)

    def _mourn(self, slot: str, pid: int, lived_s: float, reason: str) -> None:
        self._dead.append(reason)
        self._restarts = self._restarts.after_death(lived_s)
        if self._restarts.is_loop:
            words = f"{reason}; next try in {self._restarts.delay_s:g} s; last words: {self._logs.last_line(slot)}"
            self._tell(EventKind.CRASH_LOOP, pid, words)

    def _tell(self, kind: EventKind, pid: int, reason: str) -> None:
        self._on_event(PlatformEvent(kind=kind, name=self.name, pid=pid, reason=reason))
