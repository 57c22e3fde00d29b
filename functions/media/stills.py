"""Opening a still with Pillow, by its own plugin alone, within the limits, whole or not at all, and writing one. For the image worker.

Warnings are errors, dimensions are read before any pixel, and only the first frame is ever decoded.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import (  # the plugins by name: a fork of the image worker finds them loaded, and Pillow never loads all that it has
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from functions.errors import BadInput, FunctionError, LimitExceeded
from functions.media.formats import CONTAINERS, STILL_ENCODERS, MediaLimits
from functions.words import in_words

PLUGINS = (AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
Image.preinit()
_PIXELS = re.compile(r"\((\d+) pixels\)")
"""In Pillow's words for a picture that is too large."""


@contextmanager
def open_still(source: Path, container: str, limits: MediaLimits | None = None) -> Iterator[ImageFile.ImageFile]:
    """A still, its header read and its size within the limits; what Pillow throws until the end of the block becomes one of our errors.

    Args:
        source: the file.
        container: what the magic bytes said; no other plugin is tried.
        limits: defaults to the environment's.

    Raises:
        BadInput: no such picture, or a broken one, here or while it is decoded in the block.
        LimitExceeded: too many pixels, or more memory than there is.
    """
    bounds, kind = limits or MediaLimits.from_environment(), CONTAINERS[container]
    assert kind.pillow
    Image.MAX_IMAGE_PIXELS = bounds.max_still_pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(source, formats=[kind.pillow]) as image:
                _check_size(image.size, kind.label, bounds)
                yield image
        except FunctionError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
            has = f"{int(found[1]) / 1e6:.0f} megapixels" if (found := _PIXELS.search(str(exc))) else "larger"
            most = f"at most {bounds.max_still_pixels / 1e6:g} megapixels are taken"
            raise LimitExceeded(f"The {kind.label} picture is {has}; {most}.") from exc
        except MemoryError as exc:
            raise LimitExceeded(
                f"The {kind.label} picture needs more memory than the {in_words(bounds.max_memory_bytes)} that are allowed."
            ) from exc
        except UnidentifiedImageError as exc:
            raise BadInput(f"The file begins like {kind.label}, but is no picture.") from exc
        except (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, ArithmeticError, RuntimeError) as exc:
            raise BadInput(f"The {kind.label} picture is cut short or corrupt.", log_tail=f"{type(exc).__name__}: {exc}") from exc


def write_still(image: Image.Image, path: Path, encoder: str, options: Mapping[str, Any]) -> None:
    """Writes a picture.

    Args:
        encoder: Pillow's name of the format.
        options: Pillow's options for it.

    Raises:
        ValueError: an encoder that is not on the list.
    """
    if encoder not in STILL_ENCODERS:
        raise ValueError(f"no encoder of the list: {encoder}")
    image.save(path, format=encoder, **options)


def _check_size(size: tuple[int, int], label: str, bounds: MediaLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise BadInput(f"The {label} picture has no pixels.")
    if width * height > bounds.max_still_pixels or max(size) > bounds.max_edge_px:
        raise LimitExceeded(
            f"The {label} picture is {width} × {height} pixels; at most {bounds.max_still_pixels / 1e6:g} megapixels "
            f"and {bounds.max_edge_px} a side are taken."
        )
