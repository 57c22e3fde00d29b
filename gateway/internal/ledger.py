"""The ledger's standing as metrics, read when it is asked for: the same from every gateway that is asked, so take the max."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.bootstrap import Gateway
from gateway.service.standing import Heap, Standing, standing
from gateway.store.database import DatabaseUnavailable
from infra.objects.port import ObjectStoreError

log = logging.getLogger(__name__)

STORE_PATIENCE_S = 3.0


class LedgerCollector(Collector):
    """The ledger's standing, and whether ledger and store answer at all."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="is-the-store-there")

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("darkroom_dependency_up", "1: it answers.", labels=["dependency"])
        now = None
        try:
            with self._gateway.database.transaction() as session:
                now = standing(session)
        except DatabaseUnavailable as exc:
            log.warning("the ledger cannot be asked how it stands", extra={"reason": str(exc)})
        up.add_metric(["ledger"], int(now is not None))
        up.add_metric(["object_store"], int(self._store_answers()))
        yield up
        if now is not None:
            yield from _standing(now, self._gateway)

    def _store_answers(self) -> bool:
        """A store that hangs must not hold up what the ledger has to say. One that hung before is waited for by the same thread."""
        asked = self._asking.submit(self._gateway.objects.ready)
        try:
            asked.result(STORE_PATIENCE_S)
        except (ObjectStoreError, TimeoutError):
            asked.cancel()
            return False
        return True


def _standing(now: Standing, gateway: Gateway) -> Iterator[Metric]:
    by = ["operation", "lane"]
    waiting = GaugeMetricFamily("darkroom_works_waiting", "Works that wait for a slot.", labels=by)
    oldest = GaugeMetricFamily("darkroom_works_oldest_waiting_seconds", "For how long the oldest of them has.", labels=by)
    out = GaugeMetricFamily("darkroom_attempts_out", "Attempts that hold a slot.", labels=by)
    slots = GaugeMetricFamily("darkroom_slots", "Attempts that may be out at once.", labels=by)
    for lane, limits in (("request", gateway.settings.slots), ("job", gateway.settings.job_slots)):
        for operation in limits:
            waits, holds = now.works.get((operation, lane), Heap()), now.out.get((operation, lane), Heap())
            waiting.add_metric([operation, lane], waits.amount)
            oldest.add_metric([operation, lane], waits.oldest_s)
            out.add_metric([operation, lane], holds.amount)
            slots.add_metric([operation, lane], limits[operation])
    yield from (waiting, oldest, out, slots)
    yield GaugeMetricFamily("darkroom_tasks_queued", "Tasks not begun, those that wait for a probe among them.", now.tasks.amount)
    yield GaugeMetricFamily("darkroom_tasks_oldest_queued_seconds", "For how long the oldest of them has waited.", now.tasks.oldest_s)
    yield GaugeMetricFamily("darkroom_outbox_events", "Events that the broker has not taken yet.", now.outbox.amount)
    yield GaugeMetricFamily("darkroom_outbox_oldest_seconds", "For how long the oldest of them has lain there.", now.outbox.oldest_s)
    yield GaugeMetricFamily("darkroom_dead_letters", "Dead letters that nobody has redriven.", now.letters.amount)
