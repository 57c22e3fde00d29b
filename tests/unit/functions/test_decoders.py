"""Every decoder runs in the sandbox: read off the code of `functions`, by what may be imported and called where."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IN_THE_IMAGE_WORKER = frozenset(
    {
        *("functions.media.stills", "functions.media.develop", "functions.media.colour"),
        *("functions.probe.still", "functions.thumbnail.render", "functions.embed.still"),
    }
)
"""Modules that know Pillow. Others only ever name them, as text for `call_worker`."""
STARTERS = frozenset({"subprocess", "multiprocessing", "asyncio", "pty", "_posixsubprocess", "concurrent.futures.process"})
STARTING_CALLS = ("fork", "exec", "spawn", "posix_spawn", "system", "popen")
DECODERS = frozenset({"PIL", "cv2", "av", "imageio", "pyvips", "skimage", "torchvision", "torchaudio", "wand", "moviepy"})


def breaches(module: str, source: str) -> list[str]:
    """What this module of functions does that only the sandbox, or a module inside of it, may do."""
    return [what for node in ast.walk(ast.parse(source)) for what in _breaches(module, node)]


def _breaches(module: str, node: ast.AST) -> Iterator[str]:
    for name in _imported(node):
        if _is_of(name, STARTERS) and not module.startswith("functions.sandbox."):
            yield f"imports {name}"
        if _is_of(name, DECODERS) and not (name.startswith("PIL") and module in IN_THE_IMAGE_WORKER):
            yield f"imports {name}"
        if _is_of(name, IN_THE_IMAGE_WORKER) and module not in IN_THE_IMAGE_WORKER:
            yield f"imports {name}"
        if name == "functions.media.ffmpeg.ffmpeg":
            yield "knows the path of ffmpeg"  # its command lines are all of media.ffmpeg.command
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=called)) if called.startswith(STARTING_CALLS):
            if not module.startswith("functions.confine."):
                yield f"calls os.{called}"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=called)) if module != "functions.sandbox.child":
            yield f"calls subprocess.{called}"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="Image"), attr="open")) if module != "functions.media.stills":
            yield "calls Image.open"
        case ast.Call(func=ast.Name(id="import_module" | "__import__")) | ast.Call(func=ast.Attribute(attr="import_module")):
            if not module.startswith("functions.confine."):
                yield "imports what it likes"


def _imported(node: ast.AST) -> Iterator[str]:
    """Full names, wherever the import stands: `a.b` of `import a.b`, `a.b.c` of `from a.b import c`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "all imports of functions are absolute"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_of(name: str, packages: frozenset[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def modules() -> dict[str, str]:
    """Every module of functions, and its code."""
    paths = (ROOT / "functions").rglob("*.py")
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text() for path in paths}


def test_nothing_but_the_sandbox_starts_a_process_and_nothing_outside_it_knows_a_decoder() -> None:
    found = {module: what for module, source in modules().items() if (what := breaches(module, source))}
    assert found == {}


def test_the_modules_named_here_are_there() -> None:
    assert modules().keys() >= IN_THE_IMAGE_WORKER | {"functions.sandbox.child", "functions.confine.worker"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("functions.thumbnail.work", "import subprocess"),
        ("functions.thumbnail.work", "def late():\n    from subprocess import run"),
        ("functions.embed.decode", "import asyncio.subprocess"),
        ("functions.sandbox.tool", "import subprocess\nsubprocess.run(['ffmpeg'])"),
        ("functions.runtime.attempt", "import os\nos.posix_spawn('ffmpeg', [], {})"),
        ("functions.runtime.attempt", "import os\nos.execv('ffmpeg', [])"),
        ("functions.probe.main", "from PIL import Image"),
        ("functions.probe.main", "def late():\n    import PIL.Image"),
        ("functions.probe.main", "from functions.probe.still import examine"),
        ("functions.probe.main", "from functions.probe import still"),
        ("functions.embed.openclip", "import torchvision.io"),
        ("functions.embed.still", "from PIL import Image\nImage.open('source')"),
        ("functions.embed.still", "import cv2"),
        ("functions.embed.decode", "from functions.media.ffmpeg import ffmpeg"),
        ("functions.embed.decode", "import importlib\nimportlib.import_module('PIL.Image')"),
    ],
)
def test_a_breach_would_be_seen(module: str, source: str) -> None:
    assert len(breaches(module, source)) == 1


@pytest.mark.parametrize("name", ["probe", "thumbnail", "transcode"])
def test_a_server_has_no_pillow_in_it(name: str) -> None:
    """Nor has what it imports. embed is left out: its models, which are given pixels and never a file, bring what they like."""
    code = f"import sys, functions.{name}.main; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True).returncode == 0
