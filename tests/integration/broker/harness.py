"""A real subscriber, a real producer and a broker, in this process or in one that can be killed."""

import asyncio
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
from aiohttp import web

from infra.local.broker import Broker, parse_broker, parse_trigger

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
