"""What ffmpeg says of its input on standard error, read into records: what a listing of packets (`functions.media.timeline`) does not.

Lines are matched from their beginning, and ffmpeg indents every line of a tag's text, so a file's own words cannot pass for them.
"""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

_INPUT_STREAM = re.compile(r"^  Stream #0:(\d+)(?:\[[^\]]*\])?(?:\([^)]*\))?: (\w+): (.*)$")
_MAPPING = re.compile(r"^  Stream #0:(\d+) -> #0:(\d+)")
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+),")
_ROTATION = re.compile(r"^ +Display Matrix: rotation of (-?\d+(?:\.\d+)?) degrees", re.IGNORECASE)
_PIXELS = re.compile(r", ([a-z0-9_]+)(?:\(([^()]*)\))?, \d+x\d+[ ,\[]")
_GUESSED = "Estimating duration from bitrate"


@dataclass(frozen=True, kw_only=True)
class Described:
    """One stream of the input. `kind` is video, audio, subtitle, data or attachment; `turn_deg` is clockwise."""

    kind: str
    turn_deg: int = 0
    pixel_format: str = ""
    colour: str = ""


@dataclass(frozen=True, kw_only=True)
class Description:
    """The whole input.

    Attributes:
        streams: by the input's numbers.
        source_of: the listing's number of a stream to the input's.
        duration_s: the container's own claim, to a hundredth; None where it makes none, or ffmpeg guessed.
    """

    streams: dict[int, Described] = field(default_factory=dict)
    source_of: dict[int, int] = field(default_factory=dict)
    duration_s: Fraction | None = None

    def of(self, listed: int) -> Described:
        """The description of a stream by the listing's number."""
        return self.streams.get(self.source_of.get(listed, -1), Described(kind=""))


def read_description(log: str) -> Description:
    """Reads what stands between `Input #0` and `Output #0`."""
    streams: dict[int, Described] = {}
    source_of: dict[int, int] = {}
    duration_s: Fraction | None = None
    current = -1
    for line in log.splitlines():
        if line.startswith("Output #0"):
            break
        if found := _DURATION.match(line):
            duration_s = int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3])
        elif found := _MAPPING.match(line):
            source_of[int(found[2])] = int(found[1])
        elif found := _INPUT_STREAM.match(line):
            current = int(found[1])
            pixels = _PIXELS.search(found[3])
            pixel_format, colour = (pixels[1], pixels[2] or "") if pixels else ("", "")
            streams[current] = Described(kind=found[2].lower(), pixel_format=pixel_format, colour=colour)
        elif current in streams and (found := _ROTATION.match(line)):
            turn_deg = round(-float(found[1]) / 90) * 90 % 360  # ffmpeg counts anticlockwise
            streams[current] = replace(streams[current], turn_deg=turn_deg)
    return Description(streams=streams, source_of=source_of, duration_s=None if _GUESSED in log else duration_s)
