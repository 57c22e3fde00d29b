"""The part of the lock that an image gets is whole, by what the installed packages themselves say that they need."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from infra.containers.requirements import NotLocked, closure, entries, normal

REPOSITORY = Path(__file__).resolve().parents[3]
LOCK = entries((REPOSITORY / "requirements.lock").read_text())
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
DOCKERFILE = re.sub(r"\\\n", " ", (REPOSITORY / "infra" / "containers" / "Dockerfile").read_text())
CALLS = re.findall(
    r"requirements\.py requirements\.lock pyproject\.toml *((?:--(?:extra|without|instead)(?: +(?!--)[^ >]+)+ *)*)", DOCKERFILE
)


def listed(words: str) -> list[str]:
    """What the Dockerfile's call with these words gives, with the program as the image builds it."""
    program = REPOSITORY / "infra" / "containers" / "requirements.py"
    argv = [sys.executable, "-I", str(program), str(REPOSITORY / "requirements.lock"), str(REPOSITORY / "pyproject.toml")]
    done = subprocess.run([*argv, *words.replace("'", "").split()], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        assert re.match(r"[a-z0-9][a-z0-9.-]*==\S+( ; .*)? \\$|    --hash=sha256:[0-9a-f]{64}( \\)?$", line), line
    return [normal(line) for line in done.stdout.splitlines() if line[0] != " "]


def needs(name: str) -> set[str]:
    """What an installed package asks for here, without its extras."""
    found = set()
    for one in requires(name) or ():
        requirement, _, marker = one.partition(";")
        if not re.search(r"extra|platform|os_name|implementation|python_(full_)?version *<", marker):
            found.add(normal(requirement))
    return found


def test_there_is_a_call_for_every_kind_of_image() -> None:
    assert len(CALLS) == 6  # bucket-source, gateway, broker, functions, embed, embed without torch


@pytest.mark.parametrize("words", sorted(set(CALLS)))
def test_an_images_list_is_whole(words: str) -> None:
    names = set(listed(words))
    left_out = set(re.findall(r"[\w*-]+", words.partition("--without")[2]))
    for name in names:
        try:
            missing = needs(name) - names
        except PackageNotFoundError:  # for another platform
            continue
        assert {one for one in missing if not any(re.fullmatch(out.replace("*", ".*"), one) for out in left_out)} == set(), name


def test_a_package_with_a_version_for_each_python_keeps_them_all() -> None:
    lines = (REPOSITORY / "requirements.lock").read_text().splitlines()
    locked = [normal(line) for line in lines if re.match(r"[a-z0-9]", line)]
    assert len(locked) > len(set(locked))
    image = listed("--extra embed")
    assert sorted(name for name in locked if name in set(image)) == sorted(image)
    assert locked.count("numpy") == image.count("numpy") > 1


def test_images_are_slim() -> None:
    gateway = next(set(listed(words)) for words in CALLS if words.startswith("--extra gateway"))
    source = next(set(listed(words)) for words in CALLS if words.startswith("--without"))
    assert gateway & {"pillow", "imageio-ffmpeg", "torch", "functions-framework", "aiohttp", "moto"} == set()
    assert source & {"sqlalchemy", "minio", "pillow"} == set()
    functions = next(set(listed(words)) for words in CALLS if not words)
    assert functions & {"sqlalchemy", "pg8000", "torch", "aiohttp"} == set()


def test_without_takes_away_what_only_those_ask_for_and_instead_does_not() -> None:
    torch = set(closure(LOCK, {"torch"}))
    assert {"sympy", "triton"} <= torch
    assert set(closure(LOCK, {"torch"}, ["nvidia-*", "cuda-*", "triton"])) & {"triton", "nvidia-cublas", "sympy"} == {"sympy"}
    assert closure(LOCK, {"torch"}, ["torch"]) == []
    assert "sympy" in listed("--extra embed --instead torch")
    assert "torch" not in listed("--extra embed --instead torch")


def test_a_package_that_is_not_locked() -> None:
    with pytest.raises(NotLocked, match="no-such-thing"):
        closure(LOCK, {"flask", "no-such-thing"})


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("open_clip_torch>=3", "open-clip-torch"), ("moto[server]>=5", "moto"), ("Flask", "flask"), ("torch==2.15.0 \\", "torch")],
)
def test_names(requirement: str, name: str) -> None:
    assert normal(requirement) == name
