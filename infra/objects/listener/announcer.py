"""Delivers notifications as MinIO does with a queue_dir: in order, each until it is answered with a 2xx, three seconds between tries.

What waits is on disk (`spool.py`); every process that writes to the store adds to it, this one alone takes.
"""

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

from infra.objects.folder import FolderObjects
from infra.objects.listener.ledger import Announced
from infra.objects.listener.scan import scan
from infra.objects.listener.threads import in_thread
from infra.objects.notification import announced as announced_in
from infra.objects.port import ObjectStoreError

_log = logging.getLogger(__name__)
RETRY_S = 3
POLL_S = 0.1
_SLOWER_THAN_SCAN = 20
_TROUBLE = (OSError, ObjectStoreError, sqlite3.Error)
_TIMEOUT = aiohttp.ClientTimeout(total=120, connect=5)


class Announcer:
    """The spool's one reader, and the scan that fills its gaps."""

    def __init__(self, store: FolderObjects, announced: Announced, *, webhook_url: str, token: str) -> None:
        self._store, self._announced, self._url = store, announced, webhook_url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def drain_forever(self) -> None:
        """Delivers what is spooled, as it comes."""
        async with aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT) as session:
            while True:
                try:
                    for entry in await in_thread(self._entries):
                        await self._deliver(session, entry)
                except _TROUBLE:
                    _log.exception("The spool cannot be drained; trying again.")
                    await asyncio.sleep(RETRY_S)
                await asyncio.sleep(POLL_S)

    async def scan_forever(self, *, every_s: float, settle_s: float) -> None:
        """Scans at once and then every `every_s`; while a file is still settling, sooner, but for at most a twentieth of the time."""
        while True:
            started = time.monotonic()
            unsettled = False
            try:
                unsettled = await in_thread(scan, self._store, self._announced, now_s=time.time(), settle_s=settle_s)
            except _TROUBLE:  # the next scan tries again
                _log.exception("The scan of the media bucket failed.")
            took_s = time.monotonic() - started
            await asyncio.sleep(min(every_s, max(settle_s, _SLOWER_THAN_SCAN * took_s)) if unsettled else every_s)

    async def _deliver(self, session: aiohttp.ClientSession, entry: Path) -> None:
        body = await in_thread(entry.read_bytes)
        while not await self._accepted(session, body):
            await asyncio.sleep(RETRY_S)
        await in_thread(self._done, entry, body)

    async def _accepted(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        try:
            async with session.post(self._url, data=body) as response:
                await response.read()
                if response.ok:
                    return True
                _log.warning("The bucket source answered %s; trying again in %s s.", response.status, RETRY_S)
        except (aiohttp.ClientError, TimeoutError) as exc:
            _log.warning("The bucket source does not answer (%s); trying again in %s s.", type(exc).__name__, RETRY_S)
        return False

    def _entries(self) -> list[Path]:
        return list(self._store.spool.entries())

    def _done(self, entry: Path, body: bytes) -> None:
        with suppress(ValueError, LookupError, TypeError):  # no entry of ours: its receiver has quarantined it
            self._announced.mark(*announced_in(body))
        entry.unlink()
