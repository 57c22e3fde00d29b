"""The port of a Knative Service: activator and queue-proxy in one. Holds a request until an instance has room, passes it on, times it.

Answers of its own, as Knative's: 503 queue full, 504 request timeout (or, once the answer has begun, a broken connection), 502 when the
instance cannot be reached or hangs up. A caller that hangs up cancels its request. Not here: HTTP/2, upgrades, idle timeouts.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from infra.local.admission import Gate, QueueFull

_BUFFERED_BYTES = 2**19  # larger bodies, and those of unknown length, are streamed
_MAX_HEADER_BYTES = 2**16  # an event's attributes are headers; the broker's ingress takes as much
_KEEP_ALIVE_S = 1.0  # less than gunicorn's two seconds, so that no request meets a connection about to close
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
_UNTOUCHED = frozenset({hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE})

_Body = bytes | aiohttp.StreamReader | None


class Load(Protocol):
    """Who counts the requests."""

    def arrived(self) -> None: ...

    def departed(self) -> None: ...


class Proxy:
    """One Service's listener. `gate` hands out instances' ports."""

    def __init__(self, gate: Gate[int], load: Load, *, host: str, timeout_s: float, response_start_timeout_s: float | None) -> None:
        self._gate, self._load, self._host = gate, load, host
        self._timeout_s = timeout_s
        self._start_timeout_s = min(timeout_s, response_start_timeout_s or timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_UNTOUCHED,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        server = web.Server(
            self._handle,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._load.arrived()
        begun: list[web.StreamResponse] = []  # the answer, once its head is on the way
        try:
            async with asyncio.timeout(self._start_timeout_s) as timer:
                deadline_s = asyncio.get_running_loop().time() + self._timeout_s
                body = await _body(request)
                port = await self._gate.enter()
                try:
                    async with self._ask(request, port, body) as upstream:
                        timer.reschedule(deadline_s)
                        return await _answer(request, upstream, begun)
                finally:
                    self._gate.leave(port)
        except QueueFull:
            return _plain(503, "pending request queue full")
        except TimeoutError:
            return _broken(request, begun) or _plain(504, "request timeout")
        except aiohttp.ClientError as exc:
            return _broken(request, begun) or _plain(502, f"bad gateway: {type(exc).__name__}")
        finally:
            self._load.departed()

    def _ask(self, request: web.BaseRequest, port: int, body: _Body) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        assert self._session is not None
        return self._session.request(
            request.method,
            URL(f"http://{self._host}:{port}{request.raw_path}", encoded=True),
            headers=_end_to_end(request.headers),
            data=body,
            allow_redirects=False,
        )


async def _body(request: web.BaseRequest) -> _Body:
    if not request.can_read_body:
        return None
    length = request.content_length
    return await request.read() if length is not None and length <= _BUFFERED_BYTES else request.content


async def _answer(request: web.BaseRequest, upstream: aiohttp.ClientResponse, begun: list[web.StreamResponse]) -> web.StreamResponse:
    headers = _end_to_end(upstream.headers)
    length = upstream.content_length
    if length is not None and length <= _BUFFERED_BYTES and request.method != hdrs.METH_HEAD:
        headers.popall(hdrs.CONTENT_LENGTH, None)
        return web.Response(status=upstream.status, reason=upstream.reason, headers=headers, body=await upstream.read())
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    await response.prepare(request)
    begun.append(response)
    async for chunk in upstream.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def _broken(request: web.BaseRequest, begun: list[web.StreamResponse]) -> web.StreamResponse | None:
    """What can be said when the head is on the way already: nothing. The caller sees a connection that breaks off."""
    if not begun:
        return None
    if request.transport is not None:
        request.transport.abort()
    return begun[0]


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for value in headers.getall(hdrs.CONNECTION, ()) for name in value.split(",")}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP and name.lower() not in named)


def _plain(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=sentence + "\n")
