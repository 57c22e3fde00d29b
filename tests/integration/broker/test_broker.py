"""The broker over real HTTP with a real subscriber and a real PostgreSQL: what it promises, broken on purpose."""

import asyncio
import base64
import json
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pg8000.native
import pytest
from aiohttp import web

from infra.local.broker import Broker, parse_broker, parse_trigger
from infra.local.errors import BrokerAlreadyRunning, BrokerStoreUnavailable, UnsupportedManifest

EVENTING = "eventing.knative.dev/v1"
PATIENCE_S = 30
LOG = logging.getLogger("test.broker")
FAST_RETRIES = {"retry": 2, "backoffPolicy": "linear", "backoffDelay": "PT0.1S"}


class Subscriber:
    """A real HTTP server that keeps what it got and answers as told, by path; 202 where nothing is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.answers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def ids(self, path: str = "/") -> Counter[str]:
        return Counter(headers["ce-id"] for at, headers, _ in self.requests if at == path)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, request.headers, await request.read()))
        answer = self.answers.get(request.path)
        return web.Response(status=202) if answer is None else await answer(request)


def answering(status: int, text: str = "", **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


def broker_manifest(delivery: object = None) -> dict[str, Any]:
    spec = {} if delivery is None else {"delivery": delivery}
    return {"apiVersion": EVENTING, "kind": "Broker", "metadata": {"namespace": "default", "name": "main"}, "spec": spec}


def trigger_manifest(name: str, uri: str, **spec: object) -> dict[str, Any]:
    metadata = {"namespace": "default", "name": name}
    return {"apiVersion": EVENTING, "kind": "Trigger", "metadata": metadata, "spec": {"broker": "main", "subscriber": {"uri": uri}, **spec}}


class Client:
    """A producer, and the broker it talks to."""

    def __init__(self, broker: Broker, url: str, session: aiohttp.ClientSession) -> None:
        self.broker = broker
        self.url = url
        self._session = session

    async def send(self, event_id: str, *, event_type: str = "test", data: bytes = b"", **headers: str) -> int:
        return await post(self._session, self.url, event_id, event_type, data, headers)

    async def request(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        return await self._session.request(method, self.url.removesuffix("/default/main") + path, **options)


async def post(session: aiohttp.ClientSession, url: str, event_id: str, event_type: str, data: bytes, more: Mapping[str, str]) -> int:
    headers = {"ce-specversion": "1.0", "ce-id": event_id, "ce-source": "/test", "ce-type": event_type, **more}
    async with session.post(url, data=data, headers=headers, skip_auto_headers=["Content-Type"]) as response:
        return response.status


@asynccontextmanager
async def running(database_url: str, *triggers: dict[str, Any], delivery: object = None) -> AsyncIterator[Client]:
    broker = Broker(
        database_url, [parse_broker(broker_manifest(delivery))], [parse_trigger(t) for t in triggers], lambda sink: str(sink.uri), LOG
    )
    port = await broker.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(broker, f"http://127.0.0.1:{port}/default/main", session)
    finally:
        await broker.stop()


@asynccontextmanager
async def subscribing() -> AsyncIterator[Subscriber]:
    subscriber = Subscriber()
    await subscriber.start()
    try:
        yield subscriber
    finally:
        await subscriber.stop()


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"after {PATIENCE_S} s still waiting for: {what}"
        await asyncio.sleep(0.01)


async def settled(client: Client) -> None:
    await until(lambda: client.broker.stats()["pending"] == 0, f"no pending deliveries {client.broker.stats()}")


def count_rows(database_url: str, table: str) -> int:
    folder, name = database_url.partition("?host=")[2], database_url.partition("@/")[2].partition("?")[0]
    with pg8000.native.Connection("postgres", unix_sock=f"{folder}/.s.PGSQL.5432", database=name) as connection:
        ((count,),) = connection.run(f"SELECT count(*) FROM broker.{table}")
    return int(count)


# ---------------------------------------------------------------- the contract


def test_an_event_arrives_in_binary_mode_with_the_brokers_marks(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there, running(database_url, trigger_manifest("all", there.url + "/")) as client:
            headers = {"Content-Type": "image/png", "ce-subject": "café.png", "X-Request-Id": "q1", "X-Other": "no"}
            assert await client.send("e1", data=b"\x89PNG", **headers) == 202
            await settled(client)
            ((path, seen, body),) = there.requests
            assert (path, body) == ("/", b"\x89PNG")
            assert {name: seen[name] for name in ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject")} == {
                "ce-specversion": "1.0",
                "ce-id": "e1",
                "ce-source": "/test",
                "ce-type": "test",
                "ce-subject": "café.png",
            }
            assert (seen["Content-Type"], seen["Prefer"], seen["Kn-Namespace"], seen["X-Request-Id"]) == (
                "image/png",
                "reply",
                "default",
                "q1",
            )
            assert "ce-knativearrivaltime" in seen
            assert "ce-knativebrokerttl" not in seen
            assert "X-Other" not in seen
            assert count_rows(database_url, "delivery") == 0

    asyncio.run(scenario())


def test_the_ingress_answers_like_knatives(database_url: str) -> None:
    async def scenario() -> None:
        event = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
        structured = {"Content-Type": "application/cloudevents+json"}
        good = json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}})
        table: list[tuple[str, str, dict[str, Any], int]] = [
            ("POST", "/default/main", {"headers": event}, 202),
            ("POST", "/default/main", {"headers": structured, "data": good}, 202),
            ("POST", "/default/main", {"headers": {**event, "ce-specversion": "0.3"}}, 202),
            ("POST", "/default/main", {"headers": event, "data": b"x" * (16 << 20)}, 202),
            ("POST", "/default/main", {"data": b"no event"}, 400),
            ("POST", "/default/main", {"headers": structured, "data": "{"}, 400),
            ("POST", "/default/main", {"headers": {"Content-Type": "application/cloudevents-batch+json"}, "data": f"[{good}]"}, 400),
            ("POST", "/default/main", {"headers": {**event, "ce-knativebrokerttl": "1"}}, 400),
            ("POST", "/default/main", {"headers": {**event, "ce-time": "yesterday"}}, 400),
            ("POST", "/default/other", {"headers": event}, 404),
            ("POST", "/", {"headers": event}, 400),
            ("POST", "/default/main/more", {"headers": event}, 400),
            ("GET", "/default/main", {}, 405),
            ("PUT", "/default/main", {"headers": event}, 405),
            ("OPTIONS", "/default/main", {}, 200),
        ]
        async with running(database_url) as client:
            for method, path, options, status in table:
                response = await client.request(method, path, **options)
                assert (method, path, response.status) == (method, path, status), await response.text()
                assert response.headers["Allow"] == "POST, OPTIONS"

    asyncio.run(scenario())


def test_each_trigger_gets_what_its_filter_lets_through(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            uploads = trigger_manifest("uploads", there.url + "/uploads", filter={"attributes": {"type": "uploaded"}})
            pictures = trigger_manifest("pictures", there.url + "/pictures", filters=[{"suffix": {"subject": ".png"}}])
            async with running(database_url, uploads, pictures) as client:
                await client.send("1", event_type="uploaded", **{"ce-subject": "a.png"})
                await client.send("2", event_type="uploaded", **{"ce-subject": "a.mp4"})
                await client.send("3", event_type="deleted")
                await settled(client)
            assert (there.ids("/uploads"), there.ids("/pictures")) == ({"1": 1, "2": 1}, {"1": 1})

    asyncio.run(scenario())


def test_failures_are_retried_then_dead_lettered_with_the_reason(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = answering(503, "busy")
            delivery = {**FAST_RETRIES, "deadLetterSink": {"uri": there.url + "/dead"}}
            async with running(database_url, trigger_manifest("all", there.url + "/", delivery=delivery)) as client:
                assert await client.send("e1", data=b"{}") == 202
                await settled(client)
                assert client.broker.stats() == {"pending": 0, "dead_lettered": 1, "lost": 0}
                assert [path for path, _, _ in there.requests] == ["/", "/", "/", "/dead"]  # retry 2 = 3 tries
                _, seen, body = there.requests[-1]
                assert body == b"{}"
                assert (seen["ce-id"], seen["ce-source"], seen["ce-knativebrokerttl"]) == ("e1", "/test", "255")
                assert seen["ce-knativeerrordest"] == there.url + "/"
                assert seen["ce-knativeerrorcode"] == "503"
                assert base64.b64decode(seen["ce-knativeerrordata"]) == b"busy"
                text = client.broker.metrics()
                assert 'http_response_status_code="503",messaging_destination_name="trigger:all.default",le="+Inf"} 3' in text
                assert "darkroom_broker_dead_lettered_deliveries 1" in text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "text", "tries"),
    [
        (400, "bad", 1),  # 4xx but 404, 408, 409, 429: once
        (404, "", 3),
        (200, "OK", 3),  # a 2xx with a body that is no event is a 502
        (304, "", 1),
    ],
)
def test_a_brokers_dead_letter_sink_is_inherited(database_url: str, status: int, text: str, tries: int) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = answering(status, text)
            trigger = trigger_manifest("all", there.url + "/", delivery={"retry": 2})
            async with running(database_url, trigger, delivery={"deadLetterSink": {"uri": there.url + "/dead"}}) as client:
                await client.send("e1")
                await settled(client)
            assert [path for path, _, _ in there.requests] == ["/"] * tries + ["/dead"]

    asyncio.run(scenario())


def test_what_the_sink_refuses_too_is_kept_as_lost(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = there.answers["/dead"] = answering(500)
            delivery = {"retry": 1, "deadLetterSink": {"uri": there.url + "/dead"}}
            trigger = trigger_manifest("all", there.url + "/", delivery=delivery)
            async with running(database_url, trigger) as client:
                await client.send("e1")
                await settled(client)
                assert [path for path, _, _ in there.requests] == ["/", "/", "/dead", "/dead"]
                assert client.broker.stats() == {"pending": 0, "dead_lettered": 0, "lost": 1}
            async with running(database_url, trigger) as client:
                assert client.broker.stats()["lost"] == 1
            assert count_rows(database_url, "lost") == 1

    asyncio.run(scenario())


def test_replies_come_back_in_as_events_until_their_time_to_live_is_over(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            reply = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/function", "Content-Type": "application/json"}
            there.answers["/"] = answering(200, "{}", **reply, **{"ce-type": "done"})
            there.answers["/loop"] = answering(200, "{}", **reply, **{"ce-type": "again"})
            asked = trigger_manifest("asked", there.url + "/", filter={"attributes": {"type": "asked"}})
            done = trigger_manifest("done", there.url + "/done", filter={"attributes": {"type": "done"}})
            dead = {"deadLetterSink": {"uri": there.url + "/dead"}}
            loop = trigger_manifest("loop", there.url + "/loop", filter={"attributes": {"type": "again"}}, delivery=dead)
            async with running(database_url, asked, done, loop) as client:
                await client.send("e1", event_type="asked")
                await settled(client)
                assert (there.ids("/"), there.ids("/done")) == ({"e1": 1}, {"r": 1})
                # ttl 4 leaves 3 passes: at 3, 2 and 1 the function runs; the last reply is refused, which gives up its request.
                await client.send("e2", event_type="again", **{"ce-knativebrokerttl": "4"})
                await settled(client)
                assert there.ids("/loop") == {"e2": 1, "r": 2}
                ((_, seen, _),) = [request for request in there.requests if request[0] == "/dead"]
                assert (seen["ce-knativeerrorcode"], seen["ce-knativeerrordest"]) == ("400", client.url)

    asyncio.run(scenario())


def test_redirects_are_followed(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/moved"] = answering(308, Location="/there")
            there.answers["/seen"] = answering(303, Location="/there")
            there.answers["/loop"] = answering(307, Location="/loop")
            triggers = [trigger_manifest(name, f"{there.url}/{name}", delivery={"retry": 0}) for name in ("moved", "seen", "loop")]
            async with running(database_url, *triggers) as client:
                await client.send("e1", data=b"abc")
                await settled(client)
                assert client.broker.stats()["lost"] == 1
            assert sorted(body for path, _, body in there.requests if path == "/there") == [b"", b"abc"]  # 303 became a GET
            assert len(there.ids("/loop")) == 1
            assert there.ids("/loop")["e1"] == 10

    asyncio.run(scenario())


def test_a_time_limit_ends_a_try(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:

            async def slow(_: web.Request) -> web.StreamResponse:
                await asyncio.sleep(PATIENCE_S)
                return web.Response()

            there.answers["/"] = slow
            delivery = {"retry": 1, "timeout": "PT0.2S", "deadLetterSink": {"uri": there.url + "/dead"}}
            async with running(database_url, trigger_manifest("all", there.url + "/", delivery=delivery)) as client:
                await client.send("e1")
                await settled(client)
            assert [path for path, _, _ in there.requests] == ["/", "/", "/dead"]
            assert "ce-knativeerrorcode" not in there.requests[-1][1]

    asyncio.run(scenario())


@asynccontextmanager
async def rude_subscriber(answers_per_connection: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A raw server that drops each connection, request unanswered, after so many answers; the list has an entry per connection."""
    answered: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered.append(0)
        mine = len(answered) - 1
        while await reader.readuntil(b"\r\n\r\n") and answered[mine] < answers_per_connection:
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            answered[mine] += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", answered


@pytest.mark.parametrize(
    ("answers_per_connection", "connections", "lost"),
    [
        (0, 3, 1),  # a fresh connection that breaks is a failed try: 3 of them
        (1, 5, 0),  # a kept one that breaks is the pool's business: the try goes on with a fresh one
    ],
)
def test_broken_connections(database_url: str, answers_per_connection: int, connections: int, lost: int) -> None:
    async def scenario() -> None:
        async with rude_subscriber(answers_per_connection) as (url, answered):
            async with running(database_url, trigger_manifest("all", url, delivery={"retry": 2 if lost else 0})) as client:
                for event_id in range(1 if lost else 5):
                    await client.send(str(event_id))
                    await settled(client)
                assert client.broker.stats()["lost"] == lost
            assert answered == [answers_per_connection] * connections

    asyncio.run(scenario())


# ---------------------------------------------------------------- many, slow, broken


def test_a_slow_subscriber_and_waiting_retries_hold_up_nobody(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            release = asyncio.Event()

            async def stuck(_: web.Request) -> web.StreamResponse:
                await release.wait()
                return web.Response()

            async def picky(request: web.Request) -> web.StreamResponse:
                return web.Response(status=503 if request.headers["ce-id"] == "bad" else 202)

            there.answers["/stuck"], there.answers["/picky"] = stuck, picky
            waits = {"retry": 5, "backoffPolicy": "exponential", "backoffDelay": "PT60S"}
            triggers = [trigger_manifest(name, f"{there.url}/{name}", delivery=waits) for name in ("stuck", "picky")]
            async with running(database_url, *triggers) as client:
                for event_id in ("bad", "1", "2", "3"):
                    await client.send(event_id)
                await until(lambda: len(there.ids("/picky")) == 4, "the other trigger, and the events behind the one that waits")
                assert client.broker.stats()["pending"] > 0
                release.set()
                await until(lambda: client.broker.stats()["pending"] == 1, "all but the one in backoff")
            assert there.ids("/picky") == {"bad": 1, "1": 1, "2": 1, "3": 1}
            assert count_rows(database_url, "delivery") == 1

    asyncio.run(scenario())


def test_a_burst_of_2000_events_arrives_whole_with_bounded_concurrency(database_url: str) -> None:
    """With the subscriber held up: 256 under way, 512 ready in memory, the rest in the database alone."""

    async def scenario() -> None:
        gate = asyncio.Event()
        under_way = most = 0

        async def working(_: web.Request) -> web.StreamResponse:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await gate.wait()
            under_way -= 1
            return web.Response()

        async with subscribing() as there, running(database_url, trigger_manifest("all", there.url + "/")) as client:
            there.answers["/"] = working
            statuses = await asyncio.gather(*(client.send(f"e{n}", data=b"x" * 500) for n in range(2000)))
            assert Counter(statuses) == {202: 2000}
            await until(lambda: under_way == 256, "all slots taken")
            assert count_rows(database_url, "delivery") == 2000
            gate.set()
            await settled(client)
            assert there.ids() == {f"e{n}": 1 for n in range(2000)}
            assert most == 256

    asyncio.run(scenario())


def test_a_second_broker_on_the_same_database_is_refused(database_url: str) -> None:
    async def scenario() -> None:
        async with running(database_url):
            with pytest.raises(BrokerAlreadyRunning):
                async with running(database_url):
                    pass

    asyncio.run(scenario())


def test_a_start_without_a_database_says_so() -> None:
    async def scenario() -> None:
        with pytest.raises(BrokerStoreUnavailable):
            async with running("postgresql://postgres@/none?host=/nonexistent"):
                pass

    asyncio.run(scenario())


def test_a_trigger_without_its_broker_is_refused() -> None:
    with pytest.raises(UnsupportedManifest, match="no such Broker"):
        Broker("postgresql://", [], [parse_trigger(trigger_manifest("all", "http://there/"))], lambda sink: str(sink.uri), LOG)


def test_an_outage_of_the_database_costs_nothing_that_was_accepted(own_postgres: Any) -> None:
    """Tries that end during the outage are settled after it; no 202 while it lasts; everything goes on by itself."""

    async def scenario() -> None:
        database_url = own_postgres.new_database()
        async with subscribing() as there:
            release = asyncio.Event()

            async def waiting(request: web.Request) -> web.StreamResponse:
                await release.wait()
                return web.Response(status=503 if request.headers["ce-id"] == "failing" and len(there.ids()) < 5 else 202)

            there.answers["/"] = waiting
            async with running(database_url, trigger_manifest("all", there.url + "/", delivery=FAST_RETRIES)) as client:
                for event_id in ("1", "2", "failing"):
                    assert await client.send(event_id) == 202
                await until(lambda: len(there.requests) == 3, "all three with the subscriber")
                await asyncio.to_thread(own_postgres.stop)
                assert await client.send("refused-1") == 503
                release.set()
                assert await client.send("refused-2") == 503
                await asyncio.sleep(0.5)
                assert client.broker.stats()["pending"] == 3
                await asyncio.to_thread(own_postgres.start)
                await until(lambda: len(there.ids()) >= 3 and there.ids()["failing"] >= 2, "the retry after the outage")
                assert await accepted(client, "after") == 202
                await settled(client)
                seen = there.ids()
                assert (seen["1"], seen["2"], seen["after"]) == (1, 1, 1)
            assert count_rows(database_url, "delivery") == 0

    async def accepted(client: Client, event_id: str) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while (status := await client.send(event_id)) == 503 and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        return status

    asyncio.run(scenario())


def test_a_restart_goes_on_where_the_retries_were(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there:
            there.answers["/"] = answering(503)
            slow_retries = {"retry": 3, "backoffPolicy": "exponential", "backoffDelay": "PT0.5S"}
            delivery = {**slow_retries, "deadLetterSink": {"uri": there.url + "/dead"}}
            trigger = trigger_manifest("all", there.url + "/", delivery=delivery)
            async with running(database_url, trigger) as client:
                await client.send("e1")
                await until(lambda: len(there.requests) == 2, "two tries")
            async with running(database_url, trigger) as client:
                assert client.broker.stats()["pending"] == 1
                await settled(client)
            assert [path for path, _, _ in there.requests] == ["/"] * 4 + ["/dead"]  # retry 3 = 4 tries over both lives

    asyncio.run(scenario())


def test_kill_9_between_accept_and_delivery_loses_nothing(database_url: str) -> None:
    async def scenario() -> None:
        async with subscribing() as there, aiohttp.ClientSession() as session:
            never = asyncio.Event()

            async def stuck(_: web.Request) -> web.StreamResponse:
                await never.wait()
                return web.Response()

            there.answers["/"] = stuck
            sent = {f"e{n}" for n in range(600)}  # more than run at once: some are under way, some only stored
            async with broker_process(database_url, there.url + "/") as (url, _):
                statuses = await asyncio.gather(*(post(session, url, event_id, "test", b"{}", {}) for event_id in sent))
                assert set(statuses) == {202}
            there.answers.clear()
            there.requests.clear()
            async with broker_process(database_url, there.url + "/"):
                await until(lambda: set(there.ids()) == sent, "every accepted event, after the kill")
            assert there.ids() == dict.fromkeys(sent, 1)

    asyncio.run(scenario())


def test_kill_9_under_load_loses_nothing(database_url: str) -> None:
    async def scenario() -> None:
        accepted: set[str] = set()
        async with subscribing() as there, aiohttp.ClientSession() as session:

            async def produce(url: str, name: str) -> None:
                for n in range(10_000):
                    try:
                        if await post(session, url, f"{name}-{n}", "test", b"{}", {}) == 202:
                            accepted.add(f"{name}-{n}")
                    except aiohttp.ClientError:
                        return

            for life in range(3):
                async with broker_process(database_url, there.url + "/") as (url, kill):
                    producers = [asyncio.ensure_future(produce(url, f"{life}-{n}")) for n in range(8)]
                    await asyncio.sleep(0.5)
                    kill()
                    await asyncio.gather(*producers)
            async with broker_process(database_url, there.url + "/"):
                await until(lambda: accepted <= set(there.ids()), "every event that got a 202")
            assert len(accepted) > 100

    asyncio.run(scenario())


@asynccontextmanager
async def broker_process(database_url: str, subscriber_url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A broker in a process of its own, and how to kill it; leaving kills it too, always with SIGKILL."""
    script = Path(__file__).parent / "run_broker.py"
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), database_url, subscriber_url, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(root)}
    )

    def kill() -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)

    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), PATIENCE_S))
        yield f"http://127.0.0.1:{port}/default/main", kill
    finally:
        kill()
        await process.wait()
