"""`darkroom up`: the whole system on this machine, until it is stopped.

It chooses database and store, gives the platform the one table that the manifests leave open, and says when the gateway is ready. What runs
and how it scales is in the manifests; running them is `infra.local`'s.
"""

import asyncio
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from gateway.store.database import driver_url
from infra.cli.ledger import LEDGER
from infra.cli.operations import Wish
from infra.cli.options import REPOSITORY
from infra.cli.ports import HOST, check_port
from infra.cli.values import local_values
from infra.cli.voices import Voice
from infra.cli.watched.background import watching
from infra.cli.watched.watcher import prepare
from infra.local.errors import LocalPlatformError
from infra.local.events import PlatformEvent
from infra.local.platform import Platform
from infra.local.postgres import EmbeddedPostgres
from infra.local.rundir import RunFolder
from infra.migrations import upgrade
from schemas.catalogue import DEFAULT_OPERATIONS

MANIFESTS = REPOSITORY / "knative" / "base"
FOLDER_STORE = Path(__file__).parent / "local" / "object-store.yaml"
READY_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says. `port` 0: any free one. `watch`: a folder whose files are developed with `operations`."""

    data: Path
    port: int = 8000
    manifests: Path = MANIFESTS
    watch: Path | None = None
    operations: Sequence[Wish] = DEFAULT_OPERATIONS


class NotReady(LocalPlatformError):
    """The system was started, and the gateway did not become ready in time."""


async def up(options: Options, voice: Voice) -> None:
    """Runs until SIGINT or SIGTERM. Leaves no process, socket or scratch file.

    Raises:
        LocalPlatformError, CommandError: one sentence why it could not start; whatever had been started is stopped.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    data = options.data.resolve()
    if options.watch is not None:
        prepare(options.watch, data)
    folder = RunFolder(data, "darkroom.json")
    folder.hold()
    postgres = EmbeddedPostgres(data)
    try:
        port = check_port(options.port)
        database_url = os.environ.get("DATABASE_URL") or await embedded_ledger(postgres)
        await asyncio.to_thread(migrate, database_url)
        platform = make_platform(options, port, database_url, voice.say)
        await platform.start()
        try:
            await until_ready(platform, f"http://{HOST}:{port}/readyz", stop)
            if not stop.is_set():
                announce(folder, platform, port, voice)
                async with watching(options.watch, f"http://{HOST}:{port}", options.operations, voice.say, skip=data):
                    await stop.wait()
        finally:
            folder.withdraw()
            voice.say("stopping")
            await platform.stop()
    finally:
        await postgres.stop()
        folder.release()
    voice.say("stopped")


def make_platform(options: Options, port: int, database_url: str, say: Callable[[str], None]) -> Platform:
    """The platform over the manifests, with the folder store's listener among them unless a store is given."""
    manifests = [options.manifests] if os.environ.get("OBJECT_STORE_URL") else [options.manifests, FOLDER_STORE]
    values = local_values(options.data.resolve(), port, database_url)

    def tell(event: PlatformEvent) -> None:
        say(str(event))

    return Platform(manifests, options.data.resolve() / "platform", values, tell, host=HOST)


async def embedded_ledger(postgres: EmbeddedPostgres) -> str:
    """The embedded server's URL, its database for the ledger made where it is missing."""
    url = await postgres.start()

    def make() -> None:
        engine = sqlalchemy.create_engine(driver_url(url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            if connection.scalar(sqlalchemy.text("select 1 from pg_database where datname = :name"), {"name": LEDGER}) is None:
                connection.execute(sqlalchemy.text(f"create database {LEDGER}"))
        engine.dispose()

    await asyncio.to_thread(make)
    return url.replace("/postgres?", f"/{LEDGER}?")


def migrate(database_url: str) -> None:
    try:
        upgrade(database_url)
    except (sqlalchemy.exc.DBAPIError, OSError) as exc:
        raise LocalPlatformError(f"the database cannot be used: {str(exc).splitlines()[0][:200]}") from exc


async def until_ready(platform: Platform, url: str, stop: asyncio.Event) -> None:
    """Waits for the gateway.

    Raises:
        NotReady: where to look for the reason.
    """
    deadline_s = asyncio.get_running_loop().time() + READY_TIMEOUT_S
    while not stop.is_set():
        if not await platform.wait_ready(0.1) and await asyncio.to_thread(answers, url):
            return
        if asyncio.get_running_loop().time() > deadline_s:
            raise NotReady(f"the system was not ready after {READY_TIMEOUT_S:.0f} s; its logs are in the data folder's platform/logs")
        await asyncio.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (our own address)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def announce(folder: RunFolder, platform: Platform, port: int, voice: Voice) -> None:
    """Says where everything is, to whoever hears the voice and to programs in `run/darkroom.json`."""
    gateway = f"http://{HOST}:{port}"
    urls = platform.urls
    document = {
        "gateway": gateway,
        "broker": next(iter(urls["brokers"].values())),
        "dashboard": f"{gateway}/dashboard",
        "pid": os.getpid(),
        "metrics": urls["metrics"],
    }
    if os.environ.get("OBJECT_STORE_URL"):
        document["webhook"] = f"{urls['services']['bucket-source']}/"  # for the store's events
    folder.publish(document)
    voice.ready(document)
