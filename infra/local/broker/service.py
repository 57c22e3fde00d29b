"""The durable local broker: Knative's Broker and Trigger on one machine, with PostgreSQL for memory.

Wires ingress, store and dispatcher. Kinder than Knative in two ways only, both in docs: the sender gets its 202 once
the event is stored, whatever the subscribers do, and a crash of any process loses nothing that was accepted.
"""

import logging
import socket
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
from infra.local.broker.sql import Totals
from infra.local.broker.store import Store
from infra.local.errors import UnsupportedManifest
from infra.telemetry.tracing import serve_as, warm_up

_MAX_HEADER_BYTES = 1 << 16
_BACKLOG = 1024
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
        self._store = Store(database_url, self._offer, self._resume, log)

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
        serve_as("darkroom-broker")
        warm_up()
        listener = socket.create_server((host, port), backlog=_BACKLOG)
        bound: int = listener.getsockname()[1]
        try:
            totals = await self._store.open()
        except BaseException:
            listener.close()
            raise
        routes = [self._route(trigger, f"http://{host}:{bound}") for trigger in self._triggers]
        self._routes = routes_by_broker(routes)
        self._last_id, self._lost_before = totals.last_id, totals.lost
        self._sender = Sender()
        self._dispatcher = Dispatcher(
            routes, store=self._store, sender=self._sender, resolve=self._resolve, fan_out=self._fan_out, log=self._log
        )
        self._resume(totals)
        app = ingress_app(self._accept, self._brokers.__contains__)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_STOP_GRACE_S, max_line_size=_MAX_HEADER_BYTES, max_field_size=_MAX_HEADER_BYTES
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=_BACKLOG).start()
        return bound

    async def stop(self) -> None:
        """Refuse new events, give running deliveries a few seconds, write what they came to; the rest resumes at the next start."""
        await self._runner.cleanup()
        await self._dispatcher.stop(_STOP_GRACE_S)
        await self._sender.close()
        await self._store.close()

    def stats(self) -> dict[str, int]:
        """Once started: `pending` deliveries; `dead_lettered` since the start; `lost` altogether."""
        return {
            "pending": self._accepted - self._dispatcher.finished,
            "dead_lettered": self._dispatcher.dead_lettered,
            "lost": self._lost_before + self._dispatcher.lost,
        }

    def metrics(self) -> str:
        """Once started: Prometheus text, each line ended."""
        lines = self._dispatcher.metrics.lines()
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
        for delivery in committed:
            self._dispatcher.offer(delivery)

    def _resume(self, totals: Totals) -> None:
        """At start and after an outage: count anew, and look for what is not in memory."""
        known = {f"{trigger.namespace}/{trigger.name}" for trigger in self._triggers}
        self._accepted = self._dispatcher.finished + sum(count for key, count in totals.pending.items() if key in known)
        for key in sorted(set(totals.pending) - known):
            self._log.warning("broker: %d deliveries wait for Trigger %s, which is gone", totals.pending[key], key)
        self._dispatcher.catch_up()

    def _route(self, trigger: TriggerSpec, base_url: str) -> Route:
        broker = self._brokers[f"{trigger.namespace}/{trigger.broker}"]
        ingress_url = f"{base_url}/{broker.namespace}/{broker.name}"
        return Route(trigger=trigger, delivery=effective_delivery(trigger, broker), ingress_url=ingress_url)
