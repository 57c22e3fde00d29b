"""GET and HEAD of one object: conditions, one range, bytes."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from aiohttp import web
from werkzeug.http import http_date, parse_etags, parse_if_range_header

from infra.objects.listener.deadlines import SILENCE_S
from infra.objects.listener.faults import Fault
from infra.objects.listener.target import Target
from infra.objects.listener.threads import in_thread
from infra.objects.port import ObjectInfo
from infra.objects.served import ServedObjects
from infra.objects.signing import DISPOSITION, TYPE
from infra.objects.streams import BLOCK_BYTES

_RANGE = re.compile(r"bytes=(?=[0-9-]*[0-9])([0-9]{0,18})-([0-9]{0,18})")  # one range with at least one number


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The status of a read, and which bytes from `start` to before `stop` it carries."""

    status: int
    start: int
    stop: int


def decide(headers: Mapping[str, str], info: ObjectInfo) -> Reply:
    """What the request's conditions and range make of this version (RFC 9110, 13.2.2 and 14.2). More than one range gets the whole.

    Werkzeug's range parser is not used: it refuses a suffix longer than the object and takes one of no length.

    Raises:
        Fault: 412 or 416.
    """
    if "If-Match" in headers and not parse_etags(headers["If-Match"]).contains(info.etag):
        raise Fault(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    if "If-None-Match" in headers and parse_etags(headers["If-None-Match"]).contains_weak(info.etag):
        return Reply(status=304, start=0, stop=0)
    whole = Reply(status=200, start=0, stop=info.bytes)
    asked = _RANGE.fullmatch(headers.get("Range", ""))
    if asked is None or ("If-Range" in headers and parse_if_range_header(headers["If-Range"]).etag != info.etag):
        return whole
    first, last = (int(digits) if digits else None for digits in asked.groups())
    if first is not None and last is not None and first > last:
        return whole
    start = first if first is not None else max(0, info.bytes - (last or 0))
    stop = min(last + 1, info.bytes) if first is not None and last is not None else info.bytes
    if start >= stop:
        raise Fault(416, "InvalidRange", "The requested range is not satisfiable.", {"Content-Range": f"bytes */{info.bytes}"})
    return Reply(status=206, start=start, stop=stop)


async def read(request: web.Request, target: Target, store: ServedObjects) -> web.StreamResponse:
    """Answers a GET or HEAD whose signature has been found good."""
    with ExitStack() as stack:
        file, info = await in_thread(stack.enter_context, store.opened(target.bucket, target.key))
        reply = decide(request.headers, info)
        response = web.StreamResponse(status=reply.status, headers=_headers(target, info, reply))
        if reply.status != 304:
            response.content_length = reply.stop - reply.start
        await response.prepare(request)
        if request.method == "GET" and reply.stop > reply.start:
            await _send(response, file, reply)
        await response.write_eof()
        return response


async def _send(response: web.StreamResponse, file: BinaryIO, reply: Reply) -> None:
    await in_thread(file.seek, reply.start)
    left = reply.stop - reply.start
    while left:
        block = await in_thread(file.read, min(left, BLOCK_BYTES))
        if not block:  # cut short under us: the connection must not end as if all had come
            raise ConnectionResetError("the file became shorter")
        left -= len(block)
        async with asyncio.timeout(SILENCE_S):
            await response.write(block)


def _headers(target: Target, info: ObjectInfo, reply: Reply) -> dict[str, str]:
    headers = {
        "ETag": f'"{info.etag}"',
        "Accept-Ranges": "bytes",
        "Last-Modified": http_date(info.modified_at),
        "Content-Type": target.query.get(TYPE, info.content_type),
    }
    if DISPOSITION in target.query:
        headers["Content-Disposition"] = target.query[DISPOSITION]
    if reply.status == 206:
        headers["Content-Range"] = f"bytes {reply.start}-{reply.stop - 1}/{info.bytes}"
    return headers
