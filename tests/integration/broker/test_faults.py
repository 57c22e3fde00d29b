"""The broker's promises, broken on purpose: bursts, slow and rude subscribers, outages of the database, kill -9."""

import asyncio
import time
from collections import Counter
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from infra.local.errors import BrokerAlreadyRunning, BrokerStoreUnavailable
from tests.integration.broker.harness import (
    FAST_RETRIES,
    PATIENCE_S,
    Client,
    answering,
    broker_process,
    count_rows,
    post,
    rude_subscriber,
    running,
    settled,
    subscribing,
    trigger_manifest,
    until,
)


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
