"""Each image has the source that its program imports as it starts: read off the Dockerfile, without building anything."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
DOCKERFILE = (REPOSITORY / "infra" / "containers" / "Dockerfile").read_text().replace("\\\n", " ")
STAGES = {
    name: (base, body) for base, name, body in re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
}
STARTED = {name: found[1].split(", ") for name, (_, body) in STAGES.items() if (found := re.search(r'python -c "import ([^"]+)"', body))}
OURS = ("functions", "gateway", "infra", "schemas")


def copied(stage: str) -> set[Path]:
    """The Python files of ours in a stage, relative to the repository."""
    if stage not in STAGES:
        return set()
    base, body = STAGES[stage]
    found = copied(base)
    for other in re.findall(r"^COPY --from=(\S+) /app ", body, re.MULTILINE):
        found |= copied(other)
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", body, re.MULTILINE):
        for source in map(REPOSITORY.joinpath, sources.split()):
            found |= {path.relative_to(REPOSITORY) for path in (source.rglob("*.py") if source.is_dir() else [source])}
    return found


def file_of(module: str) -> Path | None:
    """Of a module of ours; None where the name is something in a module, or nobody's."""
    path = Path(*module.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if (REPOSITORY / one).is_file()), None)


def imported(path: Path) -> Iterator[str]:
    """What a file imports as it is loaded: its statements outside functions, `if TYPE_CHECKING` left out."""
    for statement in ast.parse((REPOSITORY / path).read_text()).body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module is not None:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def needed(modules: list[str]) -> set[Path]:
    """The files of ours that importing these loads."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module.split(".")[0] not in OURS:
            continue
        waiting += [module.rpartition(".")[0]] if "." in module else []
        path = file_of(module)
        if path is not None and path not in found:
            found.add(path)
            waiting += imported(path)
    return found


def test_every_image_says_what_it_starts() -> None:
    images = {name for name, (base, _) in STAGES.items() if base in ("runtime", "function") and name != "function"}
    assert images == set(STARTED)
    assert len(images) == 7


@pytest.mark.parametrize("image", STARTED)
def test_what_is_imported_is_copied(image: str) -> None:
    files = needed(STARTED[image])
    assert len(files) > 10
    assert files - copied(image) == set()
