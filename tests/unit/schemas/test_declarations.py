"""The catalogue out of folders."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.catalogue import CATALOGUE, declared

DECLARATION = """
from schemas.facts import Kind
from schemas.operation import Operation, seconds
from schemas.parameters import Parameters
OPERATION = Operation(name={name!r}, version=1, kinds=frozenset(Kind), parameters=Parameters, deadline_s=1, predict_s=seconds(1))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package of its own, with a folder that declares nothing."""
    folder = tmp_path / f"functions_{tmp_path.name}"
    (folder / "helpers").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "helpers" / "__init__.py").write_text("raise AssertionError('nobody asked for this')")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def declare(package: Path, folder: str, text: str) -> None:
    (package / folder).mkdir()
    (package / folder / "__init__.py").touch()
    (package / folder / "operation.py").write_text(text)


def test_folders_that_declare_are_found_by_name_and_no_other_is_loaded(package: Path) -> None:
    declare(package, "b", DECLARATION.format(name="b"))
    declare(package, "a", DECLARATION.format(name="a"))
    assert [operation.name for operation in declared(package.name)] == ["a", "b"]


@pytest.mark.parametrize("text", [DECLARATION.format(name="other"), "OPERATION = 'a'", ""])
def test_a_folder_that_declares_something_else_is_named(package: Path, text: str) -> None:
    declare(package, "a", text)
    with pytest.raises(TypeError, match=r"/a/operation\.py must declare OPERATION"):
        declared(package.name)


def test_the_four_that_come_with_it() -> None:
    assert set(CATALOGUE) >= {"probe", "thumbnail", "transcode", "embed"}
