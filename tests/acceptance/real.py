"""The same system on real parts: PostgreSQL over TCP, MinIO, its webhook to the bucket source, and a public address of the store apart
from the internal one. Nothing but the environment of `darkroom up` is different."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.cli.values import SOURCE_PORT
from tests.acceptance.system import REPOSITORY, System, running
from tests.parts import WEBHOOK_TOKEN, Minio, free_port, running_minio, running_postgresql, webhook


@dataclass(frozen=True, kw_only=True)
class RealParts:
    """What a system of real parts is made of; `said` is what each of two runs of `darkroom init` printed."""

    minio: Minio
    environment: dict[str, str]
    said: tuple[str, str]
    queue: Path  # the events that MinIO has not delivered


@contextmanager
def real_parts(data: Path) -> Iterator[RealParts]:
    """The parts for a system on `data`, made ready by `darkroom init`."""
    data.mkdir(parents=True, exist_ok=True)
    source_port = free_port()
    (data / SOURCE_PORT).write_text(str(source_port))
    queue = data / "minio-queue"
    target = webhook(f"http://127.0.0.1:{source_port}/", queue)
    with running_postgresql() as database_url, running_minio(data / "minio", target) as minio:
        environment = {
            "DATABASE_URL": database_url,
            "OBJECT_STORE_URL": minio.url.replace("://", f"://{minio.access_key}:{minio.secret_key}@"),
            "OBJECT_STORE_PUBLIC_URL": minio.url.replace("127.0.0.1", "localhost"),
            "WEBHOOK_TOKEN": WEBHOOK_TOKEN,
            "RECONCILE_EVERY_S": "3600",  # what arrives, arrives by its notification
        }
        said = (init(environment), init(environment))
        yield RealParts(minio=minio, environment=environment, said=said, queue=queue)


@contextmanager
def running_on_real_parts(data: Path, *, port: int = 0) -> Iterator[tuple[System, RealParts]]:
    with real_parts(data) as parts, running(data, port=port, **parts.environment) as up:
        yield up, parts


def init(environment: dict[str, str]) -> str:
    """`darkroom init`, which must work. Returns what it printed."""
    argv = [sys.executable, "-m", "infra.cli.main", "init"]
    done = subprocess.run(argv, cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
