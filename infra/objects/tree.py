"""A folder tree as a flat, ordered space of keys. Directories are opened one below the other and links are never followed.

It knows files, not objects: errors are OSError, and what they mean is `folder.py`'s to say.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class Folder:
    """An open directory, and those of its ancestors that gained an entry when it was made: they need an fsync to last."""

    fd: int
    grown: tuple[int, ...]


@contextmanager
def folder_at(root: Path, names: Sequence[str], *, make: bool = False) -> Iterator[Folder]:
    """The folder `root/names…`; with `make`, made where it is missing.

    Raises:
        FileNotFoundError, NotADirectoryError: also where a link is in the way.
    """
    with ExitStack() as stack:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        grown = []
        for name in names:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=fd)
                    grown.append(fd)
            child = os.open(name, _DIRECTORY, dir_fd=fd)
            stack.callback(os.close, child)
            fd = child
        yield Folder(fd=fd, grown=tuple(reversed(grown)))


def regular(name: str, folder: Folder) -> os.stat_result | None:
    """The facts of a regular file in a folder, None for anything else of that name."""
    try:
        found = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def prune(root: Path, names: Sequence[str]) -> None:
    """Removes the folder `root/names…` and those above it, as long as they are empty; never `root`."""
    for depth in range(len(names), 0, -1):
        try:
            with folder_at(root, names[: depth - 1]) as parent:
                os.rmdir(names[depth - 1], dir_fd=parent.fd)
        except OSError:
            return


def walk(base: str, *, prefix: str, start_after: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every regular file below `base` whose key starts with `prefix` and comes after `start_after`, in the order of flat keys.

    A folder sorts as its name with a slash, since that is how its keys go on: `a.b` comes before `a/b`, as `.` comes before `/`. Holds the
    names of one folder per level. What vanishes meanwhile is left out; a name that is no UTF-8 is no key.
    """
    yield from _walk(base, "", prefix, start_after)


def _walk(path: str, above: str, prefix: str, start_after: str) -> Iterator[tuple[str, os.stat_result]]:
    only = prefix[len(above) :].partition("/") if len(prefix) > len(above) else ("", "", "")
    if only[1]:  # the prefix names one folder in full: no need to list its neighbours
        name = only[0]
        if name not in ("", ".", "..") and "\0" not in name and _is_folder(os.path.join(path, name)):
            yield from _walk(os.path.join(path, name), f"{above}{name}/", prefix, start_after)
        return
    for name in _sorted_names(path):
        key = above + name
        if not key.startswith(prefix):
            continue
        if name.endswith("/"):
            if key > start_after or start_after.startswith(key):
                yield from _walk(os.path.join(path, name[:-1]), key, prefix, start_after)
        elif key > start_after and (found := _regular_at(os.path.join(path, name))):
            yield key, found


def _sorted_names(path: str) -> list[str]:
    names = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name + "/")
                elif entry.is_file(follow_symlinks=False):
                    names.append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if _is_text(name))  # code points sort as their UTF-8 bytes do


def _regular_at(path: str) -> os.stat_result | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
