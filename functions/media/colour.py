"""From any of Pillow's modes to eight bits in sRGB, by the embedded ICC profile. Runs inside the image worker alone."""

from io import BytesIO
from math import isfinite
from typing import Final

from PIL import Image, ImageCms

from functions.errors import Unsupported

_SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def workable(image: Image.Image) -> Image.Image:
    """L, RGB, RGBA, CMYK or LAB with 8 bits a sample, from any mode.

    Raises:
        Unsupported: samples that are no finite numbers.
    """
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda sample: sample * (1 / 257) + 0.5).convert("L")  # 65535 / 257 = 255
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A workable picture as RGB, or RGBA where something is transparent, in sRGB.

    Args:
        profile: the embedded ICC profile; one that is broken, or is for other channels, counts as none.
    """
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colour = _by_profile(image.convert("RGB") if alpha else image, profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        colour.putalpha(alpha)
    return colour


def _stretched(image: Image.Image) -> Image.Image:
    """32-bit samples say nowhere what is white: the darkest becomes black, the brightest white."""
    low, high = (float(bound) for bound in image.getextrema())  # type: ignore[arg-type]
    if not (isfinite(low) and isfinite(high)):
        raise Unsupported("The picture's samples are no finite numbers.")
    scale = 255 / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda sample: sample * scale + (0.5 - low * scale)).convert("L")


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    try:
        if image.mode == "LAB":
            return _transformed(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
        if profile:
            embedded = ImageCms.ImageCmsProfile(BytesIO(profile))
            space = embedded.profile.xcolor_space.strip()
            if space == "CMYK" and image.mode == "CMYK":
                return _transformed(image, embedded)
            if space == "RGB" and image.mode in ("L", "RGB"):
                return _transformed(image.convert("RGB"), embedded)
            if space == "GRAY" and image.mode in ("L", "RGB"):  # RGB: grey that had alpha
                return _transformed(image.getchannel(0), embedded)
    except (ImageCms.PyCMSError, OSError, ValueError):
        pass
    return image.convert("RGB")


def _transformed(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    result = ImageCms.profileToProfile(
        image,
        profile,
        _SRGB,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert result is not None  # None only for inPlace
    return result
