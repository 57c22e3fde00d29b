"""One run of a container: spawned, watched until ready, ended. Knows nothing of scaling or of healing."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TypedDict

from infra.local.logfiles import LogFolder
from infra.local.process import Launch, Process, spawn
from infra.local.readiness import until_ready


class InstanceState(StrEnum):
    STARTING = "starting"  # spawned, not ready
    READY = "ready"
    DRAINING = "draining"  # finishes what it has, gets nothing new
    ENDED = "ended"


class InstanceView(TypedDict):
    """One instance as `/instances` shows it."""

    pid: int
    state: str


class Instance:
    """`port` 0: it listens on nothing that anybody here waits for, and counts as ready when spawned."""

    def __init__(self, process: Process, *, host: str, port: int, ready_path: str | None) -> None:
        self._process = process
        self._host, self._ready_path = host, ready_path
        self.port = port
        self.state = InstanceState.STARTING
        self._started_s = time.monotonic()

    @classmethod
    async def start(cls, launch: Launch, logs: LogFolder, slot: str, *, host: str, port: int, ready_path: str | None) -> "Instance":
        """Spawn it. Raises LocalPlatformError when that fails at once."""
        output = logs.open(slot)
        try:
            return cls(await spawn(launch, output), host=host, port=port, ready_path=ready_path)
        finally:
            os.close(output)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lived_s(self) -> float:
        return time.monotonic() - self._started_s

    def view(self) -> InstanceView:
        return InstanceView(pid=self.pid, state=self.state.value)

    async def run(self, on_ready: Callable[[], None]) -> int:
        """Call `on_ready` once it is ready, and return its exit status when it has ended."""
        watch = asyncio.create_task(self._watch(on_ready))
        try:
            return await self._process.wait()
        finally:
            self.state = InstanceState.ENDED
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _watch(self, on_ready: Callable[[], None]) -> None:
        if self.port:
            await until_ready(self._host, self.port, self._ready_path)
        if self.state is InstanceState.STARTING:
            self.state = InstanceState.READY
            on_ready()

    async def stop(self, grace_s: float) -> None:
        self.state = InstanceState.DRAINING
        await self._process.stop(grace_s)
