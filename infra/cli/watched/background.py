"""A watched folder beside a running system: in a thread of its own, as it is a client like any other."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra.cli.client import Client
from infra.cli.operations import Wish
from infra.cli.sending import check_operations
from infra.cli.watched.scan import DEVELOPED
from infra.cli.watched.watcher import Watcher

STOP_S = 5.0
"""The watcher may be waiting for a call; what it leaves half done it does again the next time."""


@asynccontextmanager
async def watching(
    folder: Path | None, gateway: str, operations: Sequence[Wish], say: Callable[[str], None], *, skip: Path
) -> AsyncIterator[None]:
    """Watches from here to the end of the block; with no folder, nothing.

    Raises:
        ApiError: the operations are refused. GatewayUnreachable.
    """
    if folder is None:
        yield
        return
    client = Client(gateway)
    await asyncio.to_thread(check_operations, client, operations)
    watcher = Watcher(folder.resolve(), client, operations, say, skip=skip)
    thread = threading.Thread(target=watcher.run, name="watched-folder", daemon=True)
    thread.start()
    say(f"watching   {folder}; what is developed appears in {folder / DEVELOPED}")
    try:
        yield
    finally:
        watcher.stop()
        await asyncio.to_thread(thread.join, STOP_S)
