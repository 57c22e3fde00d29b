"""What this process has done, in numbers, and how `GET /metrics` says them.

Plain counts, so that a cold start does not wait for the library that writes them: it is loaded by the first scrape. Durations by bucket,
retries and results as they count are the gateway's, who hears every reply and is always there to be asked.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from infra.telemetry.tracing import span

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


class Measures:
    """One process's. Safe for use by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deliveries: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, float] = {}
        self._times: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._claims = 0

    def answered(self, result: str, failure: str = "") -> None:
        """A delivery was answered: with what, and for a failure its class."""
        with self._lock:
            self._deliveries[result, failure] += 1

    @property
    def is_cold(self) -> bool:
        """Has this process claimed nothing yet, so that whoever asks it now has waited for its start?"""
        with self._lock:
            return not self._claims

    def claimed(self) -> None:
        """An attempt is this process's."""
        with self._lock:
            self._claims += 1

    def moved(self, direction: str, bytes_: int) -> None:
        """Bytes were `read` from the store or `written` to it."""
        with self._lock:
            self._bytes[direction] += bytes_

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """One step of an attempt, `fetch`, `work` or `store`: its time, and a span of its own."""
        began = monotonic()
        try:
            with span(name):
                yield
        finally:
            with self._lock:
                self._times[name] += 1
                self._seconds[name] = self._seconds.get(name, 0.0) + monotonic() - began

    def exposition(self, operation: str) -> bytes:
        """Prometheus text; each sample says whose it is."""
        from prometheus_client import generate_latest
        from prometheus_client.registry import Collector, CollectorRegistry

        measures = self

        class Ours(Collector):
            def collect(self) -> "Iterator[Metric]":
                return measures._families(operation)

        registry = CollectorRegistry()
        registry.register(Ours())
        return generate_latest(registry)

    def _families(self, operation: str) -> "Iterator[Metric]":
        from prometheus_client.metrics_core import CounterMetricFamily, SummaryMetricFamily

        answers = "Events answered, by how, and a failure's class."
        deliveries = CounterMetricFamily("darkroom_function_deliveries", answers, labels=["operation", "result", "class"])
        moved = CounterMetricFamily("darkroom_function_bytes", "Bytes read or written.", labels=["operation", "direction"])
        cold = CounterMetricFamily("darkroom_function_cold_starts", "1 once this process has claimed an attempt.", labels=["operation"])
        phases = SummaryMetricFamily("darkroom_function_phase_seconds", "Time in each step of an attempt.", labels=["operation", "phase"])
        with self._lock:
            for (result, failure), count in self._deliveries.items():
                deliveries.add_metric([operation, result, failure], count)
            for direction in ("read", "written"):
                moved.add_metric([operation, direction], self._bytes[direction])
            cold.add_metric([operation], min(1, self._claims))
            for name, times in self._times.items():
                phases.add_metric([operation, name], count_value=times, sum_value=self._seconds[name])
        return iter((deliveries, moved, cold, phases))
