"""A look at a clip's first decoded frames, for what its facts do not say: colours, and whether it is interlaced.

The text of FFmpeg's showinfo filter to a `Look`, and the command that prints it. What follows from it is plan.py's decision.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.media.ffmpeg import NOTHING, Options, Target, command

UNKNOWN = "unknown"
_FRAMES = 3  # a broadcast's first frame alone may be progressive; more would cost time
_TELLING = "sidedata=mode=delete,showinfo=checksum=0"
_PICTURE = re.compile(r"\] n: *\d+ .* s:(\d+)x(\d+) i:([PTB]) ")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the first frames are, after the turn that the display matrix asks for. Colours by FFmpeg's names, or `unknown`."""

    width_px: int
    height_px: int
    interlaced: bool = False
    range: str = UNKNOWN
    space: str = UNKNOWN
    primaries: str = UNKNOWN
    transfer: str = UNKNOWN


def look_command(source: Path, container: str, *, threads: int) -> list[str]:
    """The argv that decodes the first frames and tells about them on standard error.

    Side data and metadata are dropped first: they are long, and anybody may have written them.
    """
    frames: Options = {"map_metadata": -1, "frames:v": _FRAMES, "fps_mode": "passthrough", "vf": _TELLING, **NOTHING}
    return command(container, source, [Target(path="-", streams=["V:0"], options=frames)], decoding={"threads": threads})


def read_look(log: str) -> Look | None:
    """The Look in showinfo's text; None if it tells of no frame."""
    pictures: Sequence[tuple[str, str, str]] = _PICTURE.findall(log)
    colour = _COLOUR.search(log)
    if not pictures or not colour:
        return None
    width, height, _ = pictures[0]
    return Look(
        width_px=int(width),
        height_px=int(height),
        interlaced=any(order != "P" for _, _, order in pictures),
        range=colour[1],
        space=colour[2],
        primaries=colour[3],
        transfer=colour[4],
    )
