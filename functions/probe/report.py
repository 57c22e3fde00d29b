"""What one ffmpeg pass said, read into records: packets from the framecrc muxer's lines, the rest from its description of the input.

The pass copies streams (`-c copy -f framecrc`) and decodes nothing more than ffmpeg does to open a file. What it means is `plan`'s business.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

_HEADER = re.compile(r"#(tb|media_type|codec_id|dimensions|sar) (\d+): (.+)")
_DISCARD = 0x4  # AV_PKT_FLAG_DISCARD: decoded, but cut away by an edit list
_FLAGS = re.compile(r", F=0x([0-9A-F]+)")
_INPUT_STREAM = re.compile(r"^  Stream #0:(\d+)(?:\[[^\]]*\])?(?:\([^)]*\))?: (\w+): (.*)$")
_MAPPING = re.compile(r"^  Stream #0:(\d+) -> #0:(\d+)")
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+),")
_ROTATION = re.compile(r"^ +Display Matrix: rotation of (-?\d+(?:\.\d+)?) degrees", re.IGNORECASE)
_PIXELS = re.compile(r", ([a-z0-9_]+)(?:\(([^()]*)\))?, \d+x\d+[ ,\[]")


@dataclass(kw_only=True)
class Track:
    """One stream that was copied. Times are in units of `tick_s`; `first` and `last` are the earliest and latest pts that are shown."""

    kind: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    pixel_aspect: Fraction = Fraction(1)
    tick_s: Fraction = Fraction(1, 1000)
    packets: int = 0
    first: int | None = None
    last: int = 0
    end: int = 0
    longest: int = 0


@dataclass(frozen=True, kw_only=True)
class Described:
    """One stream of the input as ffmpeg describes it. `turn_deg` is clockwise."""

    kind: str
    text: str
    turn_deg: int = 0
    pixel_format: str = ""
    colour: str = ""


@dataclass(kw_only=True)
class Report:
    """Both halves of what was said. `duration_s` is the container's own claim, to a hundredth; None where it makes none, or a guess."""

    tracks: dict[int, Track] = field(default_factory=dict)
    described: dict[int, Described] = field(default_factory=dict)
    source_of: dict[int, int] = field(default_factory=dict)  # output stream → input stream
    duration_s: Fraction | None = None

    def take_line(self, line: str) -> None:
        """Takes one line of the framecrc output."""
        if line.startswith("#"):
            self._take_header(line)
            return
        parts = line.split(",", 5)
        if len(parts) != 6 or not parts[4].strip("- ").isdigit():
            return
        track = self.tracks.setdefault(int(parts[0]), Track())
        flags = _FLAGS.search(parts[5])
        if int(parts[4]) == 0 or (flags and int(flags[1], 16) & _DISCARD):
            return
        track.packets += 1
        stamp = parts[2].strip() if "NOPTS" not in parts[2] else parts[1].strip()
        if "NOPTS" in stamp:
            return
        at, length = int(stamp), max(0, int(parts[3]))
        track.first = at if track.first is None else min(track.first, at)
        track.last, track.end, track.longest = max(track.last, at), max(track.end, at + length), max(track.longest, length)

    def take_log(self, log: str) -> None:
        """Takes ffmpeg's description of its input: what stands between `Input #0` and `Output #0`."""
        current: int | None = None
        guessed = "Estimating duration from bitrate" in log
        for line in log.splitlines():
            if line.startswith("Output #0"):
                return
            if found := _DURATION.match(line):
                hours, minutes, seconds = int(found[1]), int(found[2]), Fraction(found[3])
                self.duration_s = None if guessed else hours * 3600 + minutes * 60 + seconds
            elif found := _MAPPING.match(line):
                self.source_of[int(found[2])] = int(found[1])
            elif found := _INPUT_STREAM.match(line):
                current = int(found[1])
                pixels = _PIXELS.search(found[3])
                pixel_format, colour = (pixels[1], pixels[2] or "") if pixels else ("", "")
                self.described[current] = Described(kind=found[2].lower(), text=found[3], pixel_format=pixel_format, colour=colour)
            elif current is not None and (found := _ROTATION.match(line)):
                turn = round(-float(found[1]) / 90) * 90 % 360  # ffmpeg counts anticlockwise
                old = self.described[current]
                self.described[current] = Described(
                    kind=old.kind, text=old.text, turn_deg=turn, pixel_format=old.pixel_format, colour=old.colour
                )

    def first(self, kind: str) -> tuple[Track, Described] | None:
        """The first copied stream of a kind, video or audio, with its description."""
        for index, track in sorted(self.tracks.items()):
            if track.kind == kind:
                return track, self.described.get(self.source_of.get(index, -1), Described(kind=kind, text=""))
        return None

    def _take_header(self, line: str) -> None:
        found = _HEADER.match(line)
        if not found:
            return
        name, value = found[1], found[3].strip()
        track = self.tracks.setdefault(int(found[2]), Track())
        if name == "tb":
            track.tick_s = Fraction(value)
        elif name == "media_type":
            track.kind = value
        elif name == "codec_id":
            track.codec = value
        elif name == "dimensions":
            track.width, track.height = (int(side) for side in value.split("x"))
        elif name == "sar" and not value.startswith("0/") and not value.endswith("/0"):
            track.pixel_aspect = Fraction(value)
