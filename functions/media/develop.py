"""A still from its file to plain pixels: decoded no larger than needed, scaled, upright, in sRGB. Runs inside the image worker alone.

What a picture says beside its pixels and its profile is not kept. Left out: HDR stills and gain maps are shown by their SDR codes, and
colour is read from ICC profiles only (no cICP, gAMA or nclx).
"""

import struct
from collections.abc import Callable
from typing import Final

from PIL import (  # the plugins by name: Pillow would otherwise load all that it has at the first WebP
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from functions.media.colour import in_srgb, workable

PLUGINS: Final = (AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # one thread each: it scales by processes, and the sandbox counts threads

_HEADROOM: Final = {8: 2.0, 4: 2.0, 2: 1.5}
"""By how much a JPEG may be scaled down while it is decoded, and how many times larger than wanted it must be even then, for Lanczos to do
the rest: 48.5 dB or more against a full decode, at a fifth of its time. With 1.5 for all three, an eighth gave 44 dB.
"""
_REDUCE: Final = 3.0
"""Pillow's reducing_gap: a box filter comes down to three times the wanted size, Lanczos does the rest."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of this EXIF orientation upright (CIPA DC-008, tag 0x0112; Pillow turns counter-clockwise)."""


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it is nonsense. Of an AVIF, `irot` and `imir` count, not its EXIF."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error):
        return 1  # metadata that cannot be read is no reason to refuse a picture
    return value if value in _TURNS else 1


def shown_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels as shown; nothing needs to be decoded for it."""
    return _swapped(image.size) if _sideways(image) else image.size


def develop(image: Image.Image, fit: Callable[[int, int], tuple[int, int]]) -> Image.Image:
    """Decodes, scales, turns upright and brings to sRGB: the first frame of an animation.

    Scaling comes first, on pixels as they lie, with alpha premultiplied; a JPEG is decoded no larger than that needs.

    Args:
        image: inside `open_still`, not yet decoded.
        fit: from the shown size in pixels to the wanted one.

    Returns:
        RGB, or RGBA where something is transparent, with nothing in `info`.

    Raises:
        Unsupported: samples that are no colours.
        Exception: whatever Pillow says to broken bytes; `open_still` knows what it means.
    """

    def wanted() -> tuple[int, int]:
        size = fit(*shown_size(image))
        return _swapped(size) if _sideways(image) else size

    if isinstance(image, JpegImagePlugin.JpegImageFile):
        width_px, height_px = wanted()
        box = _draft(image, width_px, height_px)
        image.load()
    else:
        box = None
        image.load()  # before the size is asked for: a PNG may hold its EXIF after its pixels
        width_px, height_px = wanted()
    small = workable(image)
    if small.size != (width_px, height_px):
        small = small.resize((width_px, height_px), Image.Resampling.LANCZOS, box=box, reducing_gap=_REDUCE)
    elif small.mode == "RGBA":
        small = small.convert("RGBa").convert("RGBA")  # as scaling does: what is hidden behind alpha 0 is gone, and cannot bleed
    developed = in_srgb(small, image.info.get("icc_profile"))
    turn = _TURNS.get(orientation(image))
    developed = developed if turn is None else developed.transpose(turn)
    developed.info = {}  # Pillow writes a comment that it finds there into the next file
    return developed


def _draft(image: JpegImagePlugin.JpegImageFile, width_px: int, height_px: int) -> tuple[float, float, float, float] | None:
    """Has it decoded no larger than a good picture of this size needs; the box of what is decoded, in pixels, that holds the whole picture.

    That box has fractions: 867 rows at a half are 433.5, decoded as 434. Off by that half it would be 36 dB, not 50.
    """
    for scale, headroom in _HEADROOM.items():
        if image.width >= scale * headroom * width_px and image.height >= scale * headroom * height_px:
            drafted = image.draft(None, (image.width // scale, image.height // scale))
            return drafted[1] if drafted else None
    return None


def _sideways(image: Image.Image) -> bool:
    # Pillow turns a TIFF itself: its size is as shown before it is decoded, and its orientation is gone after.
    return image.format != "TIFF" and orientation(image) >= 5


def _swapped(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], size[0]
