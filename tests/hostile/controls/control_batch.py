"""Controls: one hostile picture and a sound one behind it, in one batch, with a decoder that the first one takes over.

What keeps the second one from suffering is that a decoder is a process, and one for each file: in a worker that does not fork, or in the
server itself, it suffers.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import media

ROOT = Path(__file__).parents[3]
WITHOUT = """
import sys
from tests.hostile.judge import main
from tests.hostile.wiring import without
sys.argv = ["judge", "thumbnail"]
with without({defences}):
    main()
"""
IN_THE_SERVER = """
import sys
from importlib import import_module
from functions.probe import main as probe_main
from tests.hostile.judge import main
from tests.hostile.wiring import CHILD
def call_worker(function, arguments, *, source, out, **bounds):
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)(source, out, **arguments)
probe_main.call_worker = call_worker
exec(CHILD["sound decoder"])
sys.argv = ["judge", "thumbnail"]
main()
"""


def batch(folder: Path, code: str) -> tuple[int, dict[str, str]]:
    """How the process ended that judged both, and how each of them did."""
    with Image.open(media.still(folder / "sound.jpg")) as image:
        image.save(folder / "hostile.jpg", comment=b"take over")
    asked = f"{folder}/hostile.jpg\n{folder}/sound.jpg"
    done = subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=False, cwd=ROOT)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {verdict["name"]: verdict["outcome"] for verdict in verdicts}


@pytest.mark.parametrize(
    ("defences", "hostile", "sound"),
    [
        (("sound decoder",), "tool", "done"),
        (("loyal decoder",), "bad-input", "done"),
        (("sound decoder", "fork"), "infra", "done"),  # the worker died twice: the server starts another, and knows not why
        (("loyal decoder", "fork"), "bad-input", "bad-input"),
    ],
)
def test_a_worker_that_does_not_fork_keeps_what_a_file_did_to_it(
    tmp_path: Path, defences: tuple[str, ...], hostile: str, sound: str
) -> None:
    assert batch(tmp_path, WITHOUT.format(defences=", ".join(map(repr, defences)))) == (0, {"hostile.jpg": hostile, "sound.jpg": sound})


def test_a_decoder_in_the_server_ends_the_batch(tmp_path: Path) -> None:
    ended, verdicts = batch(tmp_path, IN_THE_SERVER)
    assert ended == -11  # SIGSEGV
    assert verdicts == {}
