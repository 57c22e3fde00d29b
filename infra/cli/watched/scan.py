"""What lies in a watched folder, and which of it is whole. Only looks; no file is opened here.

Plain looking, again and again, and no notifications: they do not come from network folders, are short in supply for large trees, and a
file that has stopped growing can only be told by looking twice anyway: ADR 26.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DEVELOPED = "developed"
UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".filepart", "~")
"""How browsers, FTP clients and editors name what is not whole yet."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Tells one content of a file from another without reading it."""

    bytes: int
    modified_ns: int
    changed_ns: int


def scan(folder: Path, skip: Path) -> dict[str, Stamp]:
    """Every file by its path within the folder, subfolders included.

    Left out: what is hidden, unfinished, empty or no plain file (links are never followed), `developed/`, and the folder `skip`.
    """
    return dict(sorted(_files(folder, folder, skip)))


def _files(root: Path, folder: Path, skip: Path) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or path in (skip, root / DEVELOPED):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(root, path, skip)
                elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(UNFINISHED):
                    stamp = stamp_of(path)
                    if stamp.bytes:
                        yield path.relative_to(root).as_posix(), stamp
            except (FileNotFoundError, PermissionError):  # it went away while we looked, or is not ours to look into
                continue


def stamp_of(path: Path) -> Stamp:
    """Raises OSError where there is no such file."""
    found = path.lstat()
    return Stamp(bytes=found.st_size, modified_ns=found.st_mtime_ns, changed_ns=found.st_ctime_ns)


class Settling:
    """Which files have been the same for long enough."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._since: dict[str, tuple[Stamp, float]] = {}

    def settled(self, found: Mapping[str, Stamp], now_s: float) -> dict[str, Stamp]:
        """Those of `found` whose stamp is the one of `settle_s` ago."""
        before = self._since
        self._since = {
            name: before[name] if name in before and before[name][0] == stamp else (stamp, now_s) for name, stamp in found.items()
        }
        return {name: stamp for name, (stamp, since_s) in self._since.items() if now_s - since_s >= self._settle_s}
