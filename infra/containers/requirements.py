"""`requirements.py LOCK PYPROJECT [--extra NAME …] [--without NAME …] [--instead NAME …]`: the part of the lock that one image needs.

The lock names for every package the packages that asked for it (`# via`), and pyproject.toml names the first of them. Their closure is
the image's list, hashes and all, complete, so pip installs it with --no-deps. Runs while an image is built: the standard library alone.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Collection, Mapping
from fnmatch import fnmatch
from pathlib import Path

_ENTRY = re.compile(r"^([a-z0-9][a-z0-9.-]*)==")
_ASKED_BY = re.compile(r"^    # +(?:via )?([A-Za-z0-9_.-]+)$")


class NotLocked(ValueError):
    """pyproject.toml names what the lock does not have."""


def normal(requirement: str) -> str:
    """The name in a requirement, as the lock writes it: `open_clip_torch>=3` is `open-clip-torch`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9_.-]", requirement.strip(), maxsplit=1)[0]).lower()


def entries(lock: str) -> Mapping[str, tuple[str, frozenset[str]]]:
    """Package → its lines, and who asked for it."""
    found: dict[str, tuple[list[str], set[str]]] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if entry := _ENTRY.match(line):
            name = normal(entry.group(1))
            found.setdefault(name, ([], set()))[0].append(line)  # one that is there twice has a version for each Python
        elif name and (asked := _ASKED_BY.match(line.rstrip())):
            found[name][1].add(normal(asked.group(1)))
        elif name and not line.startswith("    #"):
            found[name][0].append(line)
    return {name: ("".join(lines), frozenset(parents)) for name, (lines, parents) in found.items()}


def closure(lock: Mapping[str, tuple[str, frozenset[str]]], roots: Collection[str], without: Collection[str] = ()) -> list[str]:
    """The names to install, in order: the roots and what they ask for in turn; never one of `without`, nor what only those ask for.

    Args:
        without: names, or patterns of them such as `nvidia-*`.

    Raises:
        NotLocked: a root is not in the lock.
    """
    if missing := set(roots) - lock.keys():
        raise NotLocked(f"not in the lock: {', '.join(sorted(missing))}")
    wanted = {name for name in lock if not any(fnmatch(name, pattern) for pattern in without)}
    chosen = set(roots) & wanted
    while more := {name for name in wanted - chosen if lock[name][1] & chosen}:
        chosen |= more
    return sorted(chosen)


def main() -> int:
    parser = argparse.ArgumentParser(prog="requirements.py")
    parser.add_argument("lock", type=Path)
    parser.add_argument("pyproject", type=Path)
    parser.add_argument("--extra", nargs="*", default=[])
    parser.add_argument("--without", nargs="*", default=[], help="not wanted, nor what only these ask for")
    parser.add_argument("--instead", nargs="*", default=[], help="wanted, but had from elsewhere: what these ask for stays")
    arguments = parser.parse_args()
    project = tomllib.loads(arguments.pyproject.read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in arguments.extra for one in project["optional-dependencies"][extra])]
    lock = entries(arguments.lock.read_text())
    names = closure(lock, {normal(one) for one in asked}, arguments.without)
    sys.stdout.write("".join(lock[name][0] for name in names if name not in arguments.instead))
    return 0


if __name__ == "__main__":
    sys.exit(main())
