"""A first-in, first-out queue of small files on disk, like the queue_dir of MinIO's webhook. Many processes append, one takes."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.durable import sync_folder, write_synced

_ENTRY: Final = ".json"


class Spool:
    """Entries in the order of their appending; each stays until it is removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, body: bytes) -> None:
        """Adds an entry, whole and for good.

        Raises:
            OSError: it could not be written.
        """
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        draft = self.folder / f".{name}"
        try:
            write_synced(draft, body)
            draft.rename(self.folder / f"{name}{_ENTRY}")
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(self.folder)

    def entries(self) -> Iterator[Path]:
        """The entries there are now, oldest first."""
        for name in sorted(name for name in os.listdir(self.folder) if name.endswith(_ENTRY)):
            yield self.folder / name

    def drafts(self) -> Iterator[Path]:
        """Entries that are being written, or whose writers died."""
        return self.folder.glob(".*")
