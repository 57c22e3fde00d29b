"""What a thumbnail is to be: its size, its format, and where in a video to look. Pure; decoding is `render`'s and `poster`'s."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a format is written.

    Attributes:
        name: the artifact's object name.
        content_type: its MIME type.
        pillow: Pillow's name for the format.
        options: Pillow's options for it.
        alpha: whether it can be transparent; else the ground is white.
    """

    name: str
    content_type: str
    pillow: str
    options: Mapping[str, Any]
    alpha: bool


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "webp": Encoding(name="thumbnail.webp", content_type="image/webp", pillow="WEBP", options={"quality": 80, "method": 2}, alpha=True),
        "jpeg": Encoding(
            name="thumbnail.jpg",
            content_type="image/jpeg",
            pillow="JPEG",
            options={"quality": 82, "optimize": True, "progressive": True},
            alpha=False,
        ),
        "avif": Encoding(
            name="thumbnail.avif",
            content_type="image/avif",
            pillow="AVIF",
            options={"quality": 65, "speed": 8, "max_threads": 1},
            alpha=True,
        ),
    }
)
"""By the parameter `format`. WebP's method 2 for 4: two thirds of the processor time of a whole thumbnail, for 2 to 5 % more bytes."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One frame of a video to look at.

    Attributes:
        at_ms: where, from the start.
        exact: this very moment, which costs decoding from the keyframe before it; else that keyframe itself.
    """

    at_ms: int
    exact: bool = False


_KEYFRAMES_AT: Final = (0.2, 0.5, 0.8, 0.05, 0.35, 0.65)
"""Parts of the duration, in the order in which they are tried: past an opening, then wherever there is most that was not seen."""
_EXACTLY_AT: Final = (0.3, 0.6, 0.15, 0.9)
"""Between the keyframes, for clips whose every keyframe is dull: a single one at a black start, say."""
_UNKNOWN_MS: Final = (0, 2_000, 10_000, 30_000, 60_000)
"""For a video that does not say how long it is."""


def fit_within(width_px: int, height_px: int, longest_edge_px: int) -> tuple[int, int]:
    """The size with this longest edge and the same shape: never larger than it was, and at least one pixel a side."""
    longest = max(width_px, height_px)
    if longest <= longest_edge_px:
        return width_px, height_px

    def scaled(side_px: int) -> int:
        return max(1, (2 * side_px * longest_edge_px + longest) // (2 * longest))  # rounded half up, in whole numbers

    return scaled(width_px), scaled(height_px)


def looks(duration_ms: int | None, frames: int | None) -> tuple[Look, ...]:
    """Where in a video to look for a frame that shows something, best guesses first; at most ten.

    Args:
        duration_ms: how long it is, None if it does not say.
        frames: how many it has, None if it does not say.
    """
    if frames == 1:
        return (Look(at_ms=0),)
    if not duration_ms:
        return tuple(Look(at_ms=at_ms) for at_ms in _UNKNOWN_MS)
    keyframes = [Look(at_ms=int(duration_ms * part)) for part in _KEYFRAMES_AT]
    return (*keyframes, *(Look(at_ms=int(duration_ms * part), exact=True) for part in _EXACTLY_AT))
