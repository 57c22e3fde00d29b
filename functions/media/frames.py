"""From a video's frames to small 8-bit RGB, as FFmpeg's options and filters: size, matrix, and HDR to SDR. Pure.

Through RGB, because a picture file cannot say BT.709: written straight from a clip's own values, colours are 24 levels off. FFmpeg turns
frames by their display matrix itself, before these filters.
"""

from typing import Final

from functions.media.ffmpeg import Options
from schemas.facts import MediaFacts

_DEINTERLACE: Final = "bwdif=mode=send_frame:deint=interlaced"
"""Leaves frames alone that are not marked as interlaced, but has the next one decoded too."""
_SCALE: Final = "flags=lanczos+accurate_rnd+full_chroma_int"
_HDR_TO_SDR: Final = (
    "format=yuv444p16le",  # zscale takes no odd size of anything subsampled
    "zscale=t=linear:npl=100",
    "format=gbrpf32le",
    "zscale=p=bt709",
    "tonemap=hable:desat=0",  # its default of 2 turns yellow to cream
    "zscale=t=bt709:r=pc",
)
_UNTAGGED_HD: Final = 720
"""Shown lines from which a stream that names no matrix is taken for BT.709, as players do; below, FFmpeg's BT.601 is right."""


def input_colour(facts: MediaFacts) -> Options:
    """Decoder options: the matrix where the stream names none. What the stream itself says overrides them."""
    hd = min(facts.width_px or 0, facts.height_px or 0) >= _UNTAGGED_HD
    return {"colorspace": "bt709"} if hd and facts.video_codec in ("h264", "hevc") else {}


def rgb_filters(facts: MediaFacts, width_px: int, height_px: int) -> str:
    """A filter chain from decoded frames to rgb24 of exactly this size, square pixels. Small comes early: the rest costs by the pixel.

    Lines are woven apart only where one could see them: scaled to a half or less, two fields are averaged anyway.
    """
    weave = (_DEINTERLACE,) if 2 * height_px > (facts.height_px or 0) else ()
    tone = _HDR_TO_SDR if facts.hdr else ()
    return ",".join((*weave, f"scale={width_px}:{height_px}:{_SCALE}", *tone, "format=gbrp", "format=rgb24", "setsar=1"))
