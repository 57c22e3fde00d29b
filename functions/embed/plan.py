"""Which frames of a video are looked at, and at what size. Pure."""

from dataclasses import dataclass
from typing import Final

from schemas.facts import MediaFacts

_DECODE_ALL_PX: Final = 4e9
"""Frames × pixels up to which every frame of a video is decoded: some ten seconds on two cores. Beyond, only its keyframes are."""
_MAX_ASPECT: Final = 4
"""A longer strip than this is squeezed: scaled by its short side alone it would be millions of pixels long."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How frames are picked in one pass.

    Attributes:
        frames: at most so many.
        keyframes_only: whether the others are not even decoded.
        select: the argument of FFmpeg's `select` filter.
    """

    frames: int
    keyframes_only: bool
    select: str


def cover(width_px: int, height_px: int, side_px: int) -> tuple[int, int]:
    """The size whose shorter side is `side_px`, the longer by the shape: what a square of that side is then cut from the middle of."""
    short = min(width_px, height_px)
    longest = _MAX_ASPECT * side_px
    return min(longest, max(side_px, round(width_px * side_px / short))), min(longest, max(side_px, round(height_px * side_px / short)))


def sampling(facts: MediaFacts, frames: int) -> Sampling:
    """`frames` frames, evenly spread: the one nearest to the middle of each n-th part of the duration. Of a long video, the first keyframe
    in each.

    A video with fewer frames gives them all; one that does not say how long it is, its first ones.
    """
    duration_s = (facts.duration_ms or 0) / 1000
    rate = facts.frame_rate or 0.0
    known = facts.frames or round(duration_s * rate)
    length_s = min(duration_s, known / rate) if rate and known else duration_s  # sound may be longer than the picture
    if not length_s:
        return Sampling(frames=frames, keyframes_only=False, select="1")
    wanted = min(frames, known or frames)
    step_s = length_s / wanted
    keyframes_only = (facts.width_px or 1) * (facts.height_px or 1) * (known or length_s * 30) > _DECODE_ALL_PX
    if keyframes_only or not known:  # from each part's beginning: then even a single frame counts
        return Sampling(frames=wanted, keyframes_only=keyframes_only, select=f"gte(t,selected_n*{step_s:.6f})")
    early_s = length_s / known / 2 + 1e-3  # half a frame: the nearest, not the next; and time stamps may be rounded to a millisecond
    return Sampling(frames=wanted, keyframes_only=False, select=f"gte(t+{early_s:.6f},(selected_n+0.5)*{step_s:.6f})")
