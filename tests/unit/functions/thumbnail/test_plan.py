"""Sizes, formats and looks: the pure decisions."""

from typing import get_args

import pytest

from functions.thumbnail.plan import ENCODINGS, Look, fit_within, looks
from schemas.parameters import ThumbnailParameters

SIZES = [
    (4000, 3000, 320, (320, 240)),
    (3000, 4000, 320, (240, 320)),
    (640, 427, 320, (320, 214)),  # 427 * 320 / 640 = 213.5, half up
    (1921, 1080, 320, (320, 180)),  # 1080 * 320 / 1921 = 179.9
    (320, 200, 320, (320, 200)),
    (319, 200, 320, (319, 200)),  # never larger than it was
    (1, 1, 320, (1, 1)),
    (4000, 3, 320, (320, 1)),  # 3 * 320 / 4000 = 0.24, but at least one pixel
    (1, 30000, 16, (1, 16)),
    (32768, 1525, 2048, (2048, 95)),  # 1525 * 2048 / 32768 = 95.3
]


@pytest.mark.parametrize(("width_px", "height_px", "longest_edge_px", "expected"), SIZES)
def test_fit_within(width_px: int, height_px: int, longest_edge_px: int, expected: tuple[int, int]) -> None:
    assert fit_within(width_px, height_px, longest_edge_px) == expected


def test_every_format_of_the_parameters_has_an_encoding() -> None:
    assert set(ENCODINGS) == set(get_args(ThumbnailParameters.model_fields["format"].annotation))
    assert {encoding.name for encoding in ENCODINGS.values()} == {"thumbnail.webp", "thumbnail.jpg", "thumbnail.avif"}


def test_looks_are_ten_at_most_cheap_ones_first_and_inside_the_clip() -> None:
    plan = looks(10_000, 250)
    assert plan[0] == Look(at_ms=2000)
    assert len(plan) == len(set(plan)) == 10
    assert [look.exact for look in plan] == sorted(look.exact for look in plan)
    assert all(0 <= look.at_ms < 10_000 for look in plan)


@pytest.mark.parametrize(("duration_ms", "frames", "first"), [(40, 1, 0), (None, None, 0), (0, None, 0), (None, 1, 0), (100, 3, 20)])
def test_looks_at_the_shortest_and_the_unknown(duration_ms: int | None, frames: int | None, first: int) -> None:
    plan = looks(duration_ms, frames)
    assert plan[0].at_ms == first
    assert len(plan) == (1 if frames == 1 else 5 if not duration_ms else 10)
