"""Makes the thumbnail's file from a still, or from a frame of a video. Called inside the image worker, with what it may read and write."""

from functools import partial
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageStat

from functions.media.develop import develop
from functions.media.stills import open_still, write_still
from functions.thumbnail.plan import ENCODINGS, fit_within

_BLACK_LUMA: Final = 32
"""A picture whose brightest hundredth is darker than this counts as black, of 255."""


def render(source: Path, out: Path, *, container: str, longest_edge_px: int, format: str) -> dict[str, Any]:
    """A still to `out`/thumbnail.*.

    Args:
        container: what the magic bytes said.
        longest_edge_px: of the thumbnail, in pixels.
        format: webp, jpeg or avif.

    Returns:
        Its width_px and height_px.

    Raises:
        BadInput, Unsupported, LimitExceeded: as `open_still` and `develop`.
    """
    with open_still(source, container) as image:
        developed = develop(image, partial(fit_within, longest_edge_px=longest_edge_px))
    return _write(developed, out, format)


def render_frame(source: Path, out: Path, *, width_px: int, height_px: int, format: str) -> dict[str, Any]:
    """A frame of raw 8-bit RGB, already of the right size and in sRGB, to `out`/thumbnail.*, and what can be seen on it.

    Returns:
        width_px and height_px; `spread`, the standard deviation of luma, 0 to 127.5; `black`, whether there is nothing to be seen.

    Raises:
        ValueError: not as many bytes as the size says.
    """
    frame = Image.frombytes("RGB", (width_px, height_px), source.read_bytes())
    luma = ImageStat.Stat(frame.convert("L"))
    brightest = sum(luma.h[_BLACK_LUMA:])
    return _write(frame, out, format) | {"spread": luma.stddev[0], "black": brightest * 100 < width_px * height_px}


def _write(image: Image.Image, out: Path, format: str) -> dict[str, Any]:
    encoding = ENCODINGS[format]
    if image.mode == "RGBA" and not encoding.alpha:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    write_still(image, out / encoding.name, encoding.pillow, encoding.options)
    return {"width_px": image.width, "height_px": image.height}
