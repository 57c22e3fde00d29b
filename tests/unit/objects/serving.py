"""Runs a listener's application on a thread of its own, for tests that speak HTTP to it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from infra.objects.listener.deadlines import HEADER_S


def free_socket() -> socket.socket:
    """A socket on loopback, its port taken but nobody listening yet."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", 0))
    return taken


def origin(taken: socket.socket) -> str:
    return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def serving(build: Callable[[], web.Application], taken: socket.socket, header_s: float = HEADER_S) -> Iterator[None]:
    loop = asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(build(), access_log=None, keepalive_timeout=header_s, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, taken).start()
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
