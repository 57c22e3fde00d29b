"""What a watched folder remembers over restarts: one small JSON file, written whole or not at all."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.cli.watched.scan import Stamp

NAME = ".darkroom.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One file that was sent.

    `operations` is their canonical text, `unfit` says which of them did not fit, `files` are what was put into its folder in `developed/`.
    """

    stamp: Stamp
    operations: str
    sha256: str | None
    job_id: str | None  # None where it never came to a job
    unfit: tuple[str, ...] = ()
    ended: bool = False
    files: tuple[str, ...] = ()


class Memory(dict[str, Record]):
    """Records by the file's path within the folder. A file that cannot be read is an empty memory: everything is then sent again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        try:
            kept = json.loads(self._path.read_text())
            records = {name: _record(row) for name, row in kept["files"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            records = {}
        super().__init__(records)

    def save(self) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({"files": {name: asdict(record) for name, record in self.items()}}, indent=1))
        draft.replace(self._path)


def _record(row: dict[str, Any]) -> Record:
    return Record(**{**row, "stamp": Stamp(**row["stamp"]), "files": tuple(row["files"]), "unfit": tuple(row["unfit"])})
