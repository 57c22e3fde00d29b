"""The checks of `darkroom doctor`. Each looks for itself, none changes anything, none assumes what another found.

Those of database, object store and their ports are in `parts`.
"""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile

from infra.cli.client import Client
from infra.cli.doctor.finding import INSTALL, Finding, Weight
from infra.cli.doctor.parts import database, kept_ports, store
from infra.cli.errors import CommandError
from infra.cli.ports import holder, is_free
from infra.cli.where import find_gateway

PYTHON = (3, 11)
NEEDED_BYTES = 2**30
"""The embedded database and the smallest of stores."""
COMFORTABLE_BYTES = 10 * 2**30
"""The largest upload that the gateway takes by default."""
TOOL_TIMEOUT_S = 60
LAYERS = {
    "landlock": "Linux 5.13 or newer with landlock in /sys/kernel/security/lsm",
    "seccomp": "a kernel with CONFIG_SECCOMP_FILTER",
    "network": "user namespaces: sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0",
    "uid": "user namespaces as for network, or a start as root",
    "rlimits": "an operating system with RLIMIT_AS",
}


def examine(data: Path, port: int) -> Iterator[Finding]:
    """Every finding, as soon as it is there. The ports are looked at where no system of this folder holds them."""
    gateway = _running(data)
    yield python()
    yield folder(data)
    yield disk(data)
    yield from () if gateway else (listening(port), *kept_ports(data))
    yield database()
    yield store(data)
    yield ffmpeg()
    yield torch()
    yield sandbox()
    yield from system(data, gateway)


def python() -> Finding:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < PYTHON:
        return Finding(check="python", weight=Weight.MISSING, found=found, mend="install Python 3.11 or newer and make a fresh .venv")
    if platform.system() != "Linux":
        return Finding(
            check="python", weight=Weight.MISSING, found=found, mend="the folder store and the sandbox are Linux's own; run it there"
        )
    return Finding(check="python", weight=Weight.OK, found=found)


def folder(data: Path) -> Finding:
    """Whether the data folder can be written, and whether its secrets are its owner's alone."""
    there = _nearest(data)
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as exc:
        mend = f"`chmod u+rwx {there}` as its owner, or choose another folder with --data"
        return Finding(check="folder", weight=Weight.MISSING, found=f"{there} cannot be written: {exc.strerror}", mend=mend)
    secrets = data / "secrets.json"
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        return Finding(check="folder", weight=Weight.WORSE, found=f"{secrets} can be read by others", mend=f"`chmod 600 {secrets}`")
    return Finding(check="folder", weight=Weight.OK, found=f"{data} can be written" if data.exists() else f"{data} will be made")


def disk(data: Path) -> Finding:
    free_bytes = shutil.disk_usage(_nearest(data)).free
    found = f"{free_bytes / 2**30:.1f} GiB free for {data}"
    mend = "free some space, or put the data folder on another disk with --data"
    if free_bytes < NEEDED_BYTES:
        return Finding(check="disk", weight=Weight.MISSING, found=found, mend=mend)
    if free_bytes < COMFORTABLE_BYTES:
        return Finding(check="disk", weight=Weight.WORSE, found=f"{found}, less than one upload may have", mend=mend)
    return Finding(check="disk", weight=Weight.OK, found=found)


def listening(port: int) -> Finding:
    if is_free(port):
        return Finding(check="port", weight=Weight.OK, found=f"{port} is free")
    mend = f"stop it, or `darkroom up --port {port + 1}` (or DARKROOM_PORT={port + 1})"
    return Finding(check="port", weight=Weight.MISSING, found=f"{port} is held by {holder(port)}", mend=mend)


def ffmpeg() -> Finding:
    """The very binary that the functions use, run."""
    from functions.media.ffmpeg import ffmpeg as path
    from functions.media.formats import AUDIO_ENCODERS, VIDEO_ENCODERS

    try:
        version = _output([path(), "-hide_banner", "-version"]).split()[2]
        encoders = _output([path(), "-hide_banner", "-encoders"])
    except (ImportError, RuntimeError, OSError, IndexError, subprocess.SubprocessError) as exc:
        return Finding(
            check="ffmpeg", weight=Weight.MISSING, found=f"does not run: {exc}", mend=f"{INSTALL}, or set FFMPEG to the path of one"
        )
    missing = [name for name in (*VIDEO_ENCODERS, *AUDIO_ENCODERS) if f" {name} " not in encoders]
    if missing:
        found, mend = f"{path()} cannot encode {', '.join(missing)}", "unset FFMPEG, or set it to one that can"
        return Finding(check="ffmpeg", weight=Weight.MISSING, found=found, mend=mend)
    return Finding(check="ffmpeg", weight=Weight.OK, found=f"{version} with {VIDEO_ENCODERS[0]}, {AUDIO_ENCODERS[0]}")


def torch() -> Finding:
    """Imported by a process of its own: it is large, and a broken one takes its process with it."""
    if find_spec("torch") is None:
        return Finding(check="torch", weight=Weight.WORSE, found="not installed, so embed cannot run", mend=INSTALL)
    try:
        said = _output([sys.executable, "-c", "import torch; print(torch.__version__, 'GPU' if torch.cuda.is_available() else 'CPU')"])
    except (OSError, subprocess.SubprocessError):
        return Finding(
            check="torch", weight=Weight.WORSE, found="cannot be imported, so embed cannot run", mend=f"`make clean`, then {INSTALL}"
        )
    return Finding(check="torch", weight=Weight.OK, found=said.strip())


def sandbox() -> Finding:
    """The layers around a decoder, tried by the code that uses them."""
    from functions.sandbox import active_layers
    from functions.sandbox.child import required

    layers = active_layers()
    missing = [name for name, held in layers.items() if not held]
    if not missing:
        return Finding(check="sandbox", weight=Weight.OK, found=f"all {len(layers)} layers hold")
    mend = "; ".join(dict.fromkeys(f"{name} needs {LAYERS.get(name, 'Linux')}" for name in missing))
    weight = Weight.MISSING if required() else Weight.WORSE
    return Finding(check="sandbox", weight=weight, found=f"without {', '.join(missing)}", mend=mend)


def system(data: Path, gateway: str | None) -> Iterator[Finding]:
    """What runs on the data folder says of its store and its database."""
    if gateway is None:
        yield Finding(check="running", weight=Weight.OK, found=f"nothing runs on {data}; `darkroom up` starts it")
        return
    mend = f"its logs are in {data / 'platform' / 'logs'}; stop it and start it again"
    try:
        checks = Client(gateway).get("/readyz", also=503)["checks"]
    except CommandError as exc:
        yield Finding(check="running", weight=Weight.MISSING, found=str(exc), mend=mend)
        return
    yield Finding(check="running", weight=Weight.OK, found=f"{gateway} answers")
    for name, said in checks.items():
        good = said == "ok"
        yield Finding(check="running", weight=Weight.OK if good else Weight.MISSING, found=f"{name} {said}", mend="" if good else mend)


def _running(data: Path) -> str | None:
    try:
        return find_gateway(None, data)
    except CommandError:
        return None


def _nearest(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    path = path.resolve()
    return next(place for place in (path, *path.parents) if place.exists())


def _output(argv: list[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S).stdout
