"""The durable local broker: Knative's Broker and Trigger on one machine, with PostgreSQL for memory.

Wires ingress, store and dispatcher. Kinder than Knative in two ways only, both in docs: the sender gets its 202 once
the event is stored, whatever the subscribers do, and a crash of any process loses nothing that was accepted.
"""

import logging
from collections.abc import Callable, Sequence

from aiohttp import web

from infra.local.broker.dispatcher import Dispatcher, Route, routes_by_broker
from infra.local.broker.event import Event
from infra.local.broker.filter import passes
from infra.local.broker.ingress import ingress_app
from infra.local.broker.metrics import gauge
from infra.local.broker.records import Delivery
from infra.local.broker.sender import Sender
from infra.local.broker.spec import BrokerSpec, SinkRef, TriggerSpec, effective_delivery
from infra.local.broker.store import Store
from infra.local.errors import UnsupportedManifest

_MAX_HEADER_BYTES = 1 << 16
_STOP_GRACE_S = 3.0


class Broker:
    """All brokers and triggers of a platform in one process.

    Args:
        database_url: a PostgreSQL that this process alone uses for its schema `broker`.
        resolve: the http URL of a sink, asked before each delivery; while it raises LookupError the delivery fails and is retried.

    Raises:
        UnsupportedManifest: a Trigger names a Broker that is not among `brokers`.
    """

    def __init__(
        self,
        database_url: str,
        brokers: Sequence[BrokerSpec],
        triggers: Sequence[TriggerSpec],
        resolve: Callable[[SinkRef], str],
        log: logging.Logger,
    ) -> None:
        self._brokers = {f"{broker.namespace}/{broker.name}": broker for broker in brokers}
        for trigger in triggers:
            if f"{trigger.namespace}/{trigger.broker}" not in self._brokers:
                reason = f"spec.broker names {trigger.broker}, and there is no such Broker in its namespace"
                raise UnsupportedManifest("Trigger", f"{trigger.namespace}/{trigger.name}", reason)
        self._triggers = triggers
        self._resolve = resolve
        self._log = log
        self._store = Store(database_url, self._offer, self._catch_up, log)
        self._dispatcher: Dispatcher | None = None
        self._last_id = 0
        self._accepted = 0
        self._lost_before = 0

    async def start(self, host: str, port: int) -> int:
        """Open the store, resume what is unfinished, listen.

        Args:
            port: 0 for any free one.

        Returns:
            The bound port.

        Raises:
            BrokerStoreUnavailable: the database cannot be reached.
            BrokerAlreadyRunning: another broker uses it.
            OSError: the port is taken.
        """
        totals = await self._store.open()
        self._last_id, self._accepted, self._lost_before = totals.last_id, totals.pending, totals.lost
        self._runner = web.AppRunner(
            ingress_app(self._accept, self._brokers.__contains__),
            access_log=None,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1024)
        await site.start()
        bound: int = self._runner.addresses[0][1]
        routes = [self._route(trigger, f"http://{host}:{bound}") for trigger in self._triggers]
        self._routes = routes_by_broker(routes)
        self._sender = Sender()
        self._dispatcher = Dispatcher(
            routes, store=self._store, sender=self._sender, resolve=self._resolve, fan_out=self._fan_out, log=self._log
        )
        self._catch_up()
        return bound

    async def stop(self) -> None:
        """Refuse new events, give running deliveries a few seconds, write what they came to; the rest resumes at the next start."""
        await self._runner.cleanup()
        if self._dispatcher is not None:
            await self._dispatcher.stop(_STOP_GRACE_S)
        await self._sender.close()
        await self._store.close()

    def stats(self) -> dict[str, int]:
        """`pending` deliveries; `dead_lettered` since the start; `lost` altogether."""
        dispatcher = self._dispatcher
        if dispatcher is None:
            return {"pending": 0, "dead_lettered": 0, "lost": 0}
        return {
            "pending": self._accepted - dispatcher.finished,
            "dead_lettered": dispatcher.dead_lettered,
            "lost": self._lost_before + dispatcher.lost,
        }

    def metrics(self) -> str:
        """Prometheus text, each line ended."""
        lines = [] if self._dispatcher is None else self._dispatcher.metrics.lines()
        for name, value in self.stats().items():
            lines += gauge(f"darkroom_broker_{name}_deliveries", value)
        return "\n".join(lines) + "\n"

    async def _accept(self, broker: str, event: Event) -> None:
        deliveries = self._fan_out(broker, event)
        if deliveries:
            await self._store.insert(deliveries)

    def _fan_out(self, broker: str, event: Event) -> list[Delivery]:
        matching = [route for route in self._routes.get(broker, ()) if passes(route.trigger, event)]
        first = self._last_id + 1
        self._last_id += len(matching)
        return [Delivery(id=first + index, trigger=route.key, event=event) for index, route in enumerate(matching)]

    def _offer(self, committed: Sequence[Delivery]) -> None:
        self._accepted += len(committed)
        if self._dispatcher is not None:
            for delivery in committed:
                self._dispatcher.offer(delivery)

    def _catch_up(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.catch_up()

    def _route(self, trigger: TriggerSpec, base_url: str) -> Route:
        broker = self._brokers[f"{trigger.namespace}/{trigger.broker}"]
        ingress_url = f"{base_url}/{broker.namespace}/{broker.name}"
        return Route(trigger=trigger, delivery=effective_delivery(trigger, broker), ingress_url=ingress_url)
