"""Facts of a picture, by Pillow. Runs in the image worker, and nowhere else.

The first frame is decoded whole, so that a half-arrived picture is refused here and not shown grey later.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import ImageCms, ImageFile

from functions.errors import LimitExceeded
from functions.media.formats import MediaLimits
from functions.media.stills import open_still

_ORIENTATION = 0x0112  # EXIF, and TIFF's own tag
_BITS_PER_SAMPLE = 0x0102
_MODE_BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}
_HEAD_BYTES = 65536
_START_OF_SCAN = b"\xff\xda"
_MAX_NAME_CHARS = 100


def examine(source: Path, out: Path, *, container: str) -> dict[str, Any]:
    """The facts that only a decoder knows: all of `MediaFacts` that applies to a still, but sha256 and bytes.

    Raises:
        BadInput, LimitExceeded: see `open_still`; a JPEG of too many scans.
    """
    del out  # nothing is written
    if container == "jpeg":
        _check_scans(source, MediaLimits.from_environment())
    if container == "png":
        with open_still(source, container) as image:
            image.verify()  # every chunk's checksum, and that the last one is there
    with open_still(source, container) as image:
        orientation = _orientation(image)
        width, height = image.size
        facts = {
            "width_px": width,
            "height_px": height,
            "orientation": orientation,
            "has_alpha": image.has_transparency_data,
            "animated": bool(getattr(image, "is_animated", False)),
            "bit_depth": _bit_depth(image, source, container),
            "color_profile": _profile_name(image.info),
        }
        image.seek(0)
        image.draft(image.mode, (width // 8, height // 8))  # JPEG alone: reads all, keeps little
        image.load()
    turned = orientation >= 5 and container != "tiff"  # Pillow says a TIFF's size as shown
    return facts | ({"width_px": height, "height_px": width} if turned else {})


def _check_scans(source: Path, limits: MediaLimits) -> None:
    """Each scan goes over the whole picture again. Their markers are counted: coded data hold none (ITU-T T.81, B.1.1.5)."""
    scans = source.read_bytes().count(_START_OF_SCAN)
    if scans > limits.max_scans:
        raise LimitExceeded(f"The JPEG picture is coded in {scans} scans; at most {limits.max_scans} are taken.")


def _orientation(image: ImageFile.ImageFile) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _bit_depth(image: ImageFile.ImageFile, source: Path, container: str) -> int:
    with source.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if container == "png" and image.mode != "P":
        return head[24]  # IHDR's bit depth: Pillow opens 16-bit colour as 8
    if container == "tiff":
        bits = image.getexif().get(_BITS_PER_SAMPLE)
        found = bits[0] if isinstance(bits, tuple) and bits else bits
        if isinstance(found, int) and 1 <= found <= 64:
            return found
    if container == "avif" and (at := head.find(b"av1C")) >= 0 and len(head) > at + 6:
        flags = head[at + 6]  # high_bitdepth, twelve_bit: AV1-ISOBMFF, 2.3.3
        return 12 if flags & 0x60 == 0x60 else 10 if flags & 0x40 else 8
    return _MODE_BITS.get(image.mode, 8)


def _profile_name(info: Mapping[Any, Any]) -> str | None:
    """The description of the embedded ICC profile, None where there is none that can be read."""
    profile = info.get("icc_profile")
    if not profile:
        return None
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    shown = "".join(character for character in name if character.isprintable()).strip()
    return shown[:_MAX_NAME_CHARS] or None
