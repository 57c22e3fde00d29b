"""One Knative Service at work: counts its load, decides each two seconds, tells the pool, and holds the port all the while.

The decision loop also runs at once when the first request meets nothing (the activator's poke).
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial

from infra.local.admission import Gate, queue_limit
from infra.local.instance import InstanceState
from infra.local.kpa import TICK_S, Autoscaler, LoadMeter, Standing, reconcile, standing_new
from infra.local.kpa_settings import Scaling
from infra.local.load import LoadCounter
from infra.local.manifest_kinds import KnativeService
from infra.local.pool import Pool
from infra.local.proxy import Proxy

_SAMPLE_S = 1.0
_FIRST_REQUEST = 1.0  # what the activator reports for a request that meets nothing


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """The autoscaler's numbers at this moment."""

    desired: int
    requested: int
    ready: int
    starting: int
    ending: int
    stable: float
    panic: float
    in_panic: bool


class Revision:
    """Wires counter, autoscaler, pool and proxy of one service. `start` holds the port; `stop` lets everything go."""

    def __init__(self, service: KnativeService, scaling: Scaling, gate: Gate[int], pool: Pool, *, host: str) -> None:
        self.service, self.scaling = service, scaling
        self.pool, self._gate = pool, gate
        now_s = time.monotonic()
        self._counter = LoadCounter(now_s)
        self._meter = LoadMeter(scaling)
        self._autoscaler = Autoscaler(scaling, ready=0, now_s=now_s)
        self._standing: Standing = standing_new(scaling, now_s)
        self._poked = 0.0
        self._proxy = Proxy(gate, self, host=host, timeout_s=service.timeout_s, response_start_timeout_s=service.response_start_timeout_s)
        self._loop_task: asyncio.Task[None] | None = None

    async def start(self, port: int) -> None:
        await self._proxy.start(port)
        self.pool.scale_to(self._standing.replicas)
        self._loop_task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        await asyncio.gather(self._proxy.stop(), self.pool.stop())

    @property
    def in_flight(self) -> int:
        return self._counter.in_flight

    @property
    def waiting(self) -> int:
        return self._gate.waiting

    def gauges(self) -> Gauges:
        return Gauges(
            desired=max(0, self._autoscaler.desired),
            requested=max(0, self._standing.scale),
            ready=self._gate.ready,
            starting=self.pool.count(InstanceState.STARTING),
            ending=self.pool.count(InstanceState.DRAINING),
            stable=self._autoscaler.stable,
            panic=self._autoscaler.panic,
            in_panic=self._autoscaler.in_panic,
        )

    def arrived(self) -> None:
        """A request came (proxy.Load)."""
        now_s = time.monotonic()
        is_first = self._counter.in_flight == 0
        self._counter.arrive(now_s)
        if is_first and self._autoscaler.desired <= 0 and not self._poked:
            self._poked = _FIRST_REQUEST
            self._meter.record(int(now_s), _FIRST_REQUEST)
            self._decide(now_s)

    def departed(self) -> None:
        """A request was answered, or given up (proxy.Load)."""
        self._counter.depart(time.monotonic())

    async def _loop(self) -> None:
        samples = 0
        due_s = time.monotonic()
        while True:
            due_s += _SAMPLE_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            samples += 1
            now_s = time.monotonic()
            self._sample(now_s)
            if samples % (TICK_S / _SAMPLE_S) == 0:
                self._decide(now_s)

    def _sample(self, now_s: float) -> None:
        concurrency, rate = self._counter.read(now_s)
        value = max(0.0, (rate if self.scaling.metric == "rps" else concurrency) - self._poked)  # the poke counted it already
        self._poked = 0.0
        if value or self._gate.ready:  # at zero nobody reports zeros, so that a burst is not averaged with the silence before it
            self._meter.record(int(now_s), value)

    def _decide(self, now_s: float) -> None:
        ready = self._gate.ready
        self._autoscaler.decide(now_s, ready, self._meter.averages(int(now_s)))
        self._standing = reconcile(self.scaling, self._autoscaler, self._standing, ready=ready, now_s=now_s)
        if self._standing.replicas != self.pool.target:
            self.pool.scale_to(self._standing.replicas)


def make_gate(service: KnativeService, scaling: Scaling) -> Gate[int]:
    """The gate of a service, with the limits of its manifest."""
    return Gate(service.container_concurrency, partial(_limit, scaling.max_scale, service.container_concurrency))


def _limit(max_scale: int, concurrency: int, ready: int) -> int:
    return queue_limit(ready=ready, max_scale=max_scale, concurrency=concurrency)
