"""What a file's packets say about time, from the listing of FFmpeg's framecrc muxer: counts, first and last moments, size.

Pure: it takes lines. Who runs ffmpeg with `LISTING`, and what must be equal, is an operation's business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

LISTING: Final[Mapping[str, str | None]] = {"c": "copy", "copyinkf": None, "format": "framecrc"}
"""Output options: each packet of the mapped streams as one line, none decoded, the ones before the first keyframe too."""

_KEY, _CORRUPT, _DISCARD = 1, 2, 4  # AV_PKT_FLAG_*; the listing names no flags where they are just KEY
_NO_PTS = -(1 << 63)


@dataclass(kw_only=True)
class Track:
    """One stream's packets so far.

    Attributes:
        leading: packets before the first keyframe, and those of an open group whose keyframe is not there: no decoder shows them.
        shown: the others that no edit list cuts away.
        corrupt: packets that the demuxer knows to be incomplete, or to follow a loss.
        ends_corrupt: the last packet is one of them.
        first_s, end_s: when the first shown packet begins and the last one ends, in seconds; None without any.
    """

    kind: str = ""
    codec: str = ""
    time_base: Fraction = Fraction(1)
    width_px: int | None = None
    height_px: int | None = None
    pixel_aspect: Fraction = Fraction(1)
    leading: int = 0
    shown: int = 0
    corrupt: int = 0
    ends_corrupt: bool = False
    _key_pts: int | None = None
    _first: int | None = None
    _last: int | None = None
    _end: int | None = None
    _longest: int = 0

    @property
    def longest_s(self) -> Fraction:
        """How long the longest shown packet lasts; 0 where the container does not say."""
        return self._longest * self.time_base

    @property
    def first_s(self) -> Fraction | None:
        return None if self._first is None else self._first * self.time_base

    @property
    def last_s(self) -> Fraction | None:
        """When the last shown packet begins."""
        return None if self._last is None else self._last * self.time_base

    @property
    def end_s(self) -> Fraction | None:
        return None if self._end is None else self._end * self.time_base

    def add(self, dts: int, pts: int, duration: int, flags: int) -> None:
        """One packet, in decoding order."""
        self.ends_corrupt = bool(flags & _CORRUPT)
        self.corrupt += self.ends_corrupt
        at = dts if pts == _NO_PTS else pts
        if self.kind == "video":
            if self._key_pts is None and flags & _KEY:
                self._key_pts = at
            if self._key_pts is None or at < self._key_pts:
                self.leading += 1
                return
        if flags & _DISCARD:
            return
        self.shown += 1
        self._longest = max(self._longest, duration)
        self._first = at if self._first is None else min(self._first, at)
        self._last = at if self._last is None else max(self._last, at)
        self._end = at + duration if self._end is None else max(self._end, at + duration)


@dataclass
class Timeline:
    """A listing, read line by line."""

    tracks: dict[int, Track] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[str]) -> "Timeline":
        timeline = cls()
        for line in lines:
            timeline.line(line)
        return timeline

    def line(self, line: str) -> None:
        """Takes one line of the listing; one that is none of its own is left alone."""
        if line.startswith("#"):
            self._header(line)
            return
        fields = line.split(",")
        if len(fields) < 6:
            return
        stream, dts, pts, duration = (int(field) for field in fields[:4])
        flags = next((int(field.strip()[2:], 16) for field in fields[6:] if field.startswith(" F=")), _KEY)
        self._track(stream).add(dts, pts, duration, flags)

    def first(self, kind: str) -> Track | None:
        """The first track of a kind, `video` or `audio`."""
        return next((track for _, track in sorted(self.tracks.items()) if track.kind == kind), None)

    @property
    def seconds(self) -> Fraction:
        """From the first track's beginning to the last one's end."""
        firsts = [track.first_s for track in self.tracks.values() if track.first_s is not None]
        ends = [track.end_s for track in self.tracks.values() if track.end_s is not None]
        return max(ends) - min(firsts) if ends else Fraction(0)

    def _track(self, stream: int) -> Track:
        return self.tracks.setdefault(stream, Track())

    def _header(self, line: str) -> None:
        name, _, value = line[1:].partition(": ")
        name, _, stream = name.partition(" ")
        if not stream.isdecimal():
            return
        track, value = self._track(int(stream)), value.strip()
        if name == "tb":
            track.time_base = Fraction(value)
        elif name == "media_type":
            track.kind = value
        elif name == "codec_id":
            track.codec = value
        elif name == "dimensions":
            width, _, height = value.partition("x")
            track.width_px, track.height_px = int(width), int(height)
        elif name == "sar" and "0" not in value.split("/"):
            track.pixel_aspect = Fraction(value)
