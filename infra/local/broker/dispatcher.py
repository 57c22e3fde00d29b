"""Runs deliveries: sends, judges the answer, and has the store settle what follows from it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from infra.local.broker.admission import RefusedEvent, admit
from infra.local.broker.batch import Settlement
from infra.local.broker.delivery import next_wait_s
from infra.local.broker.event import Event
from infra.local.broker.lane import Lane
from infra.local.broker.metrics import DispatchLabels, DispatchMetrics
from infra.local.broker.records import Delivery
from infra.local.broker.reply import MAX_ERROR_BODY_BYTES, Answer, Failure, NoAnswer, judge, judge_sink, refused_reply
from infra.local.broker.sender import Sender, for_subscriber
from infra.local.broker.spec import DeliverySpec, SinkRef, TriggerSpec
from infra.local.broker.store import Store
from infra.local.errors import LocalPlatformError
from infra.telemetry.tracing import is_on, span

_AFTER_A_BUG_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Route:
    """A Trigger with the policy in force and the address of its broker's ingress."""

    trigger: TriggerSpec
    delivery: DeliverySpec
    ingress_url: str

    @property
    def key(self) -> str:
        return f"{self.trigger.namespace}/{self.trigger.name}"

    @property
    def broker_key(self) -> str:
        return f"{self.trigger.namespace}/{self.trigger.broker}"


class Dispatcher:
    """All lanes of one broker process.

    Args:
        fan_out: the deliveries that an accepted event of a broker (`namespace/name`) becomes.
        resolve: the http URL behind a sink; may raise LookupError or LocalPlatformError while it is not known.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        store: Store,
        sender: Sender,
        resolve: Callable[[SinkRef], str],
        fan_out: Callable[[str, Event], list[Delivery]],
        log: logging.Logger,
    ) -> None:
        self._store = store
        self._sender = sender
        self._resolve = resolve
        self._fan_out = fan_out
        self._log = log
        self._lanes: dict[str, Lane] = {}
        for route in routes:
            self._lanes[route.key] = Lane(route.key, store, partial(self._attempt, route))
        self.metrics = DispatchMetrics()
        self.finished = 0
        self.dead_lettered = 0
        self.lost = 0

    def offer(self, delivery: Delivery) -> None:
        self._lanes[delivery.trigger].offer(delivery)

    def catch_up(self) -> None:
        for lane in self._lanes.values():
            lane.catch_up()

    async def stop(self, grace_s: float) -> None:
        await asyncio.gather(*(lane.stop(grace_s) for lane in self._lanes.values()))

    async def _attempt(self, route: Route, delivery: Delivery) -> None:
        try:
            url, answer = await self._send(route, delivery)
            self._settle(route, delivery, url, answer)
        except Exception:  # noqa: BLE001
            # A fault of ours must not cost an event: its row is untouched, so it is simply tried again.
            self._log.exception("broker: delivery %d of %s broke off", delivery.id, route.key)
            self._lanes[route.key].later(delivery, time.time() + _AFTER_A_BUG_S)

    async def _send(self, route: Route, delivery: Delivery) -> tuple[str, Answer | NoAnswer]:
        sink = route.delivery.dead_letter_sink if delivery.dead_letter else route.trigger.subscriber
        if sink is None:
            return "", NoAnswer(reason="the Trigger has no dead-letter sink any more")
        event = delivery.event.with_attributes(**delivery.error) if delivery.dead_letter else for_subscriber(delivery.event)
        started = time.perf_counter()
        try:
            url = self._resolve(sink)
        except (LocalPlatformError, LookupError, ValueError) as exc:
            return "", NoAnswer(reason=f"no address for {sink}: {exc}")
        answer = await self._post(url, event, route)
        labels = DispatchLabels(
            broker=route.trigger.broker,
            namespace=route.trigger.namespace,
            trigger=route.trigger.name,
            event_type=event.attributes["type"],
            status=answer.status if isinstance(answer, Answer) else 0,
        )
        self.metrics.observe(labels, time.perf_counter() - started)
        return url, answer

    async def _post(self, url: str, event: Event, route: Route) -> Answer | NoAnswer:
        """One try, a span of the event's trace as Knative's dispatcher makes one. An untraced event stays so where nothing is exported."""
        sender, destination = event.attributes.get("traceparent"), f"trigger:{route.trigger.name}.{route.trigger.namespace}"
        noted = {"messaging.system": "knative", "messaging.destination.name": destination, "cloudevents.type": event.attributes["type"]}
        with span(destination, kind="producer", parent=sender, attributes=noted) as hop:
            traceparent = hop.traceparent if sender or is_on() else None
            answer = await self._sender.post(url, event, route.trigger.namespace, route.delivery.timeout_s, traceparent=traceparent)
            status = answer.status if isinstance(answer, Answer) else 0
            hop.note({"http.response.status_code": status})
            if not 200 <= status < 300:
                hop.fail(f"status {status}" if status else "no answer")
            return answer

    def _settle(self, route: Route, delivery: Delivery, url: str, answer: Answer | NoAnswer) -> None:
        verdict = judge_sink(answer) if delivery.dead_letter else judge(answer, delivery.event)
        if isinstance(verdict, Failure):
            self._warn_of_crash(route, answer)
            self._failed(route, delivery, url, verdict)
            return
        try:
            reply = None if verdict.reply is None else admit(verdict.reply, datetime.now(UTC))
        except RefusedEvent as exc:
            self._log.warning("broker: the reply of %s to event %s is refused: %s", route.key, delivery.event.attributes["id"], exc)
            self._failed(route, delivery, route.ingress_url, refused_reply(400))
            return
        replies = [] if reply is None else self._fan_out(route.broker_key, reply)
        self._store.settle(Settlement(done_id=delivery.id, replies=replies), then=lambda: self._done(route, delivery))

    def _warn_of_crash(self, route: Route, answer: Answer | NoAnswer) -> None:
        if isinstance(answer, Answer) and len(answer.body) > MAX_ERROR_BODY_BYTES and route.delivery.dead_letter_sink is not None:
            text = "broker: %s answered %d with %d bytes; over %d, with a dead-letter sink, crash Knative 1.23's dispatcher"
            self._log.warning(text, route.key, answer.status, len(answer.body), MAX_ERROR_BODY_BYTES)

    def _failed(self, route: Route, delivery: Delivery, url: str, failure: Failure) -> None:
        wait_s = next_wait_s(route.delivery, delivery.attempt, failure)
        if wait_s is not None:
            self._delay(route, replace(delivery, attempt=delivery.attempt + 1), wait_s)
        elif not delivery.dead_letter and route.delivery.dead_letter_sink is not None:
            error = {"knativeerrordest": url, **failure.error} if failure.error else {}
            self._log.warning("broker: event %s of %s goes to the dead-letter sink: %s", *self._about(route, delivery), failure)
            self._delay(route, replace(delivery, attempt=0, dead_letter=True, error=error), 0.0)
        else:
            reason = f"status {failure.status} from {url or 'nowhere'} after {delivery.attempt + 1} tries"
            self._log.error("broker: event %s of %s is LOST: %s", *self._about(route, delivery), reason)
            settlement = Settlement(lost=(delivery.id, reason))
            self._store.settle(settlement, then=lambda: self._done(route, delivery, lost=True))

    def _delay(self, route: Route, delivery: Delivery, wait_s: float) -> None:
        due_at_s = time.time() + wait_s
        lane = self._lanes[route.key]

        def wait() -> None:
            if wait_s > 0:
                lane.later(delivery, due_at_s)
            else:
                lane.again(delivery)

        self._store.settle(Settlement(delayed=delivery, due_at_s=due_at_s), then=wait)

    def _done(self, route: Route, delivery: Delivery, *, lost: bool = False) -> None:
        self.finished += 1
        self.lost += lost
        self.dead_lettered += delivery.dead_letter and not lost
        self._lanes[route.key].done(delivery)

    def _about(self, route: Route, delivery: Delivery) -> tuple[str, str]:
        return delivery.event.attributes["id"], route.key


def routes_by_broker(routes: Sequence[Route]) -> Mapping[str, Sequence[Route]]:
    """The routes of each broker, by `namespace/name`."""
    grouped: dict[str, list[Route]] = {}
    for route in routes:
        grouped.setdefault(route.broker_key, []).append(route)
    return grouped
