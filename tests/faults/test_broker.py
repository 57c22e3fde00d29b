"""kill -9 of the broker at its own three moments: before its commit, after it, and between a delivery and its mark."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.system import REPOSITORY
from tests.faults.rig import Postgres
from tests.integration.broker.harness import count_rows, post, subscribing, until

EVENTS = 40


@asynccontextmanager
async def broker(database_url: str, subscriber_url: str, points: Path) -> AsyncIterator[str]:
    """A wired broker; its ingress."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.wired.broker", database_url, subscriber_url,
        stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY, env=os.environ | {"POINTS": str(points)}, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 60))
        yield f"http://127.0.0.1:{port}/default/main"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.parametrize("point", ["broker-before-commit", "broker-after-commit", "broker-sent"])
def test_killed_at(own_server: Postgres, tmp_path: Path, point: str) -> None:
    """Every event that got its 202 is delivered after the restart; what got none may be."""

    async def scenario() -> None:
        database_url = own_server.new_database(f"broker_{point.replace('-', '_')}")
        async with subscribing() as there, aiohttp.ClientSession() as session:

            async def send(url: str, n: int) -> str | None:
                try:
                    return f"e{n}" if await post(session, url, f"e{n}", "test", b"{}", {}) == 202 else None
                except aiohttp.ClientError:
                    return None

            async with broker(database_url, there.url + "/", tmp_path) as url:
                accepted = [await send(url, n) for n in range(EVENTS // 2)]
                (tmp_path / point).write_text("kill 0.5")  # time enough for an answer that came too early to be heard
                accepted += await asyncio.gather(*(send(url, n) for n in range(EVENTS // 2, EVENTS)))
                await until(lambda: (tmp_path / point).with_suffix(".hit").exists(), "the point")
            began_s = time.monotonic()
            kept = {one for one in accepted if one is not None}
            async with broker(database_url, there.url + "/", tmp_path):
                await until(lambda: kept <= set(there.ids()), "every event that got a 202")
                recovery_s = time.monotonic() - began_s
                await until(lambda: count_rows(database_url, "delivery") == 0, "an empty store")
            seen = there.ids()
            again = sum(seen.values()) - len(seen)
            lost = len(kept - set(seen))
            print(f"\nbroker killed at {point}: accepted {len(kept)}; lost {lost}; redeliveries {again}; recovery {recovery_s:.1f} s")
            assert len(kept) >= EVENTS // 2
            assert max(seen.values()) <= 2

    asyncio.run(scenario())
