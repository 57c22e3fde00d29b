"""How long a client may keep us waiting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from infra.objects.listener.faults import Fault
from infra.objects.streams import BLOCK_BYTES

HEADER_S: Final = 10
"""For the whole header; also how long an idle connection is kept."""
SILENCE_S: Final = 30
"""Without a byte of a body, in either direction."""


async def blocks(read: Callable[[], Awaitable[bytes]], silence_s: float = SILENCE_S) -> AsyncIterator[bytes]:
    """Everything that `read` gives until it gives nothing, in blocks of about a MiB, so that each costs one trip to a thread.

    Raises:
        Fault: RequestTimeout (408) after `silence_s` without a byte.
    """
    waiting: list[bytes] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(silence_s):
                chunk = await read()
        except TimeoutError as exc:
            raise Fault(408, "RequestTimeout", "No byte of the body came in time.") from exc
        waiting.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES or (size and not chunk):
            yield b"".join(waiting)
            waiting, size = [], 0
        if not chunk:
            return
