"""`python -m infra.objects.listener`: serves the folder store and delivers its notifications until it is told to stop (SIGTERM, SIGINT)."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from infra.objects.folder import FolderObjects
from infra.objects.listener.announcer import Announcer
from infra.objects.listener.app import create_app
from infra.objects.listener.deadlines import HEADER_S
from infra.objects.listener.ledger import Announced
from infra.objects.listener.settings import Settings
from infra.objects.listener.threads import in_thread
from infra.objects.open import open_objects

ORPHAN_S = 24 * 3600
"""A temporary file as old as this belongs to no write any more, and a multipart upload without a part for so long to no client."""
SWEEP_EVERY_S = 3600

_log = logging.getLogger(__name__)


def build(settings: Settings) -> web.Application:
    """The whole service: the application, and the tasks that live as long as it does."""
    store = open_objects(settings.object_store_url, public_url=settings.object_store_public_url)
    assert isinstance(store, FolderObjects)  # the setting's pattern allows nothing else
    announcer = Announcer(
        store,
        Announced(store.root / ".announced.db"),
        webhook_url=settings.webhook_url,
        token=settings.webhook_token.get_secret_value(),
    )

    async def announcing(_app: web.Application) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(_sweep_forever(store)),
            asyncio.create_task(announcer.drain_forever()),
            asyncio.create_task(announcer.scan_forever(every_s=settings.scan_every_s, settle_s=settings.settle_s)),
        ]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = create_app(store, allowed_origin=settings.public_url)
    app.cleanup_ctx.append(announcing)
    return app


async def _sweep_forever(store: FolderObjects) -> None:
    while True:
        try:
            await in_thread(store.remove_orphans, older_than_s=ORPHAN_S, now_s=time.time())
        except OSError:
            _log.exception("What was left behind cannot be swept; trying again in an hour.")
        await asyncio.sleep(SWEEP_EVERY_S)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings()
    web.run_app(
        build(settings),
        host=settings.host,
        port=settings.port,
        keepalive_timeout=HEADER_S,
        access_log=None,
        print=None,
        shutdown_timeout=10,
    )


if __name__ == "__main__":
    main()
