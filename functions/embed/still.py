"""A still to raw pixels. Called inside the image worker, with what it may read and write."""

from pathlib import Path
from typing import Any

from PIL import Image

from functions.media.develop import develop
from functions.media.stills import open_still


def still(source: Path, out: Path, *, container: str, width_px: int, height_px: int) -> dict[str, Any]:
    """A still as one frame of 8-bit sRGB of this size in `out`/frames.rgb, what is transparent on white.

    Raises:
        BadInput, Unsupported, LimitExceeded: as `open_still` and `develop`.
    """
    with open_still(source, container) as image:
        picture = develop(image, lambda *_: (width_px, height_px))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    (out / "frames.rgb").write_bytes(picture.tobytes())
    return {}
