"""The real object store, slow or failing while the file `store` lies in the folder POINTS and says `slow 0.5` or `failing`."""

import os
import time
from pathlib import Path
from typing import Any

from infra.objects.port import StoreUnavailable

WHOLE = ("put", "put_file", "open", "fetch", "head", "list", "delete", "ready")
IN_PARTS = ("create_multipart", "list_parts", "complete_multipart", "abort_multipart")
TOUCHED = WHOLE + IN_PARTS


class TroubledStore:
    """Asks the file before each call, then hands it on."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name in TOUCHED:
            trouble()
        return getattr(self._store, name)


def trouble() -> None:
    try:
        mode, _, seconds = (Path(os.environ["POINTS"]) / "store").read_text().partition(" ")
    except FileNotFoundError:
        return
    if mode == "failing":
        raise StoreUnavailable("The object store answered 500 InternalError.")
    time.sleep(float(seconds))
