"""Defences taken away, for controls: patches in the child before it confines itself, and in this process. No setting can do any of this."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from functions.sandbox import child, tool, worker

_ROOT = str(Path(__file__).parents[2])

_TAKEN_OVER = (
    "import os, signal; from PIL import Image, JpegImagePlugin; _open = JpegImagePlugin.JpegImageFile._open\n"
    "def _opening(self):\n"
    "    _open(self)\n"
    "    if self.info.get('comment') == b'take over':\n"
    "        {}\n"
    "JpegImagePlugin.JpegImageFile._open = _opening"
)
_UNLIMITED = (
    "from functions.confine import layers; _limit = layers._limit\n"
    "layers._limit = lambda rlimits: _limit({{name: value for name, value in rlimits.items() if name != '{}'}})"
)
CHILD = {
    "landlock": "from functions.confine import landlock; landlock.restrict = lambda **paths: None",
    "seccomp": "from functions.confine import seccomp; seccomp.install = lambda **more: None",
    "network": "from functions.confine import identity; identity.new_namespaces = lambda: {'network': False, 'uid': False}",
    "uid": "from functions.confine import identity; identity.drop_root = lambda **more: False",
    "no_new_privs": (
        "from functions.confine import kernel; _prctl = kernel.prctl\n"
        "kernel.prctl = lambda option, *more: 0 if option == kernel.PR_SET_NO_NEW_PRIVS else _prctl(option, *more)"
    ),
    "rlimits": "from functions.confine import layers; layers._limit = lambda rlimits: True",
    "memory": _UNLIMITED.format("AS"),
    "processor": _UNLIMITED.format("CPU"),
    "quota": "from functions.confine import quota; quota.folder_bytes = lambda folder: 0",
    "group": "from functions.confine import worker; import os, signal; worker._kill = lambda child: os.kill(child, signal.SIGKILL)",
    "size check": "from functions.media import stills; stills._check_size = lambda *more: None\nfrom PIL import Image\n"
    "Image._decompression_bomb_check = lambda size: None",
    "scan check": "from functions.probe import still; still._check_scans = lambda *more: None",
    "formats": "from PIL import Image; _open = Image.open; Image.open = lambda source, formats=None: _open(source)",
    "first frame": (  # of a GIF: here all are walked
        "from PIL import Image; _open = Image.open\n"
        "def _walking(source, formats=None):\n"
        "    image = _open(source, formats=formats)\n"
        "    for number in range(image.n_frames):\n"
        "        image.seek(number)\n"
        "    image.seek(0)\n"
        "    return image\n"
        "Image.open = _walking"
    ),
    "encoding": (  # anew, of a thumbnail: here it has its source's bytes
        "from functions.thumbnail import render; _render = render.render\n"
        "def _passing(source, out, **wanted):\n"
        "    made = _render(source, out, **wanted)\n"
        "    next(out.glob('thumbnail.*')).write_bytes(source.read_bytes())\n"
        "    return made\n"
        "render.render = _passing"
    ),
    "strip": (  # of a comment, which Pillow writes by itself
        "from functions.thumbnail import render; _develop = render.develop\n"
        "def _keeping(image, fit):\n"
        "    developed = _develop(image, fit)\n"
        "    developed.info = dict(image.info)\n"
        "    return developed\n"
        "render.develop = _keeping"
    ),
    "pixels alone": (  # of EXIF and XMP, which Pillow writes where it is asked to
        "from PIL import Image; from functions.thumbnail import render; _develop = render.develop\n"
        "class Careless(Image.Image):\n"
        "    def save(self, path, **options):\n"
        "        Image.Image.save(self, path, **options, exif=self.said['exif'], xmp=self.said['xmp'])\n"
        "def _keeping(image, fit):\n"
        "    said = {'exif': image.getexif().tobytes(), 'xmp': image.info['xmp']}\n"
        "    developed = _develop(image, fit)\n"
        "    developed.__class__, developed.said = Careless, said\n"
        "    return developed\n"
        "render.develop = _keeping"
    ),
    "whole pictures": (
        "from PIL import ImageFile\n"
        "class Careless(type(ImageFile)):\n    LOAD_TRUNCATED_IMAGES = property(lambda self: True, lambda self, value: None)\n"
        "vars(ImageFile)['LOAD_TRUNCATED_IMAGES'] = True\n"
        "ImageFile.__class__ = Careless"
    ),
    "fork": (  # of the image worker, a process for each file
        "from functions.confine import worker; from importlib import import_module; from pathlib import Path\n"
        "def _serve(request, namespaces):\n"
        "    module, _, name = request['function'].partition(':')\n"
        "    function, source, out = getattr(import_module(module), name), Path(request['source']), Path(request['out'])\n"
        "    return worker._call(function, request['arguments'], source, out, request['limits'])\n"
        "worker._serve = _serve"
    ),
    "sound decoder": _TAKEN_OVER.format("os.kill(os.getpid(), signal.SIGSEGV)"),
    "loyal decoder": _TAKEN_OVER.format("Image.Image.load = None  # whatever it decodes from now on"),
}
"""Python that takes one defence of the child's side away, run before the child's own `main`. The last two have what a JPEG of the comment
`take over` would do to a decoder with a hole in it: it crashes, or goes on and is not the same any more.
"""


@contextmanager
def without(*defences: str) -> Iterator[None]:
    """Within the block, children start without these; an image worker, too."""
    patches = "\n".join(CHILD[name] for name in defences)

    def start(module: str, argument: str, *, bare: bool, **more: Any) -> subprocess.Popen[bytes]:
        boot = f"import sys; sys.path.insert(0, {_ROOT!r})\n{patches}\nfrom functions.confine.{module} import main; main()"
        argv = [sys.executable, *(child._BARE if bare else ("-I",)), "-c", boot, argument]
        environment = {} if bare else {name: value for name, value in os.environ.items() if name.startswith("MEDIA_")}
        more = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **more}
        return subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment, start_new_session=True, **more)

    own = worker.ImageWorker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tool, "start", start)
        patch.setattr(worker, "start", start)
        patch.setattr(worker, "_worker", own)
        if "quota" in defences:
            patch.setattr(tool, "folder_bytes", lambda folder: 0)
        try:
            yield
        finally:
            own.close()
