"""Which frames, and at what size."""

from pathlib import Path

import pytest

from functions.embed import plan
from functions.embed.decode import frames_argv
from functions.embed.plan import cover, sampling
from schemas.facts import Kind, MediaFacts
from tests import media

SIZES = [
    (640, 480, 224, (299, 224)),  # 640 * 224 / 480 = 298.7
    (480, 640, 224, (224, 299)),
    (10, 10, 224, (224, 224)),  # enlarged: the model wants what it wants
    (30000, 1, 224, (896, 224)),  # 4 * 224, squeezed
    (1, 30000, 224, (224, 896)),
]


@pytest.mark.parametrize(("width_px", "height_px", "side_px", "expected"), SIZES)
def test_cover(width_px: int, height_px: int, side_px: int, expected: tuple[int, int]) -> None:
    assert cover(width_px, height_px, side_px) == expected


def facts(**known: object) -> MediaFacts:
    """320 × 180, 50 frames in 2 s, unless told otherwise."""
    usual = {"kind": Kind.VIDEO, "container": "matroska", "width_px": 320, "height_px": 180, "duration_ms": 2000, "frames": 50}
    return MediaFacts.model_validate({**usual, "frame_rate": 25.0, "sha256": "0" * 64, "bytes": 1, **known})


@pytest.mark.parametrize(
    ("known", "asked", "frames", "keyframes_only"),
    [
        ({}, 8, 8, False),
        ({"frames": 3}, 8, 3, False),
        ({"frames": 1, "duration_ms": 40}, 8, 1, False),
        ({"frames": None, "duration_ms": 200}, 8, 5, False),  # 0.2 s * 25 a second
        ({"duration_ms": None, "frames": None}, 8, 8, False),
        ({"frame_rate": None, "frames": None}, 8, 8, False),
        ({"width_px": 1920, "height_px": 1080, "frames": 1800, "duration_ms": 60_000}, 8, 8, False),  # 3.7e9 pixels
        ({"width_px": 1920, "height_px": 1080, "frames": 108_000, "duration_ms": 3_600_000}, 8, 8, True),  # 2.2e11
    ],
)
def test_sampling(known: dict[str, object], asked: int, frames: int, keyframes_only: bool) -> None:
    found = sampling(facts(**known), asked)
    assert (found.frames, found.keyframes_only) == (frames, keyframes_only)


def test_sound_longer_than_the_picture_takes_no_frames_away() -> None:
    assert sampling(facts(duration_ms=10_000), 8) == sampling(facts(), 8)


@pytest.mark.parametrize(
    ("seconds", "asked", "everything", "numbers"),
    [
        (2.0, 8, True, [3, 9, 16, 22, 28, 34, 41, 47]),  # (i + 0.5) * 50 / 8 − 0.5, the next whole frame
        (2.0, 1, True, [25]),  # 24.5
        (0.2, 8, True, [0, 1, 2, 3, 4]),  # all there are
        (0.04, 8, True, [0]),
        (2.0, 4, False, [0, 24, 36, 48]),  # a keyframe every 12: 0, 12 (0.48 s), 24, 36, 48, for 0, 0.5, 1 and 1.5 s
        (2.0, 32, False, [0, 12, 24, 36, 48]),
    ],
)
def test_frames_are_evenly_spread_in_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, asked: int, everything: bool, numbers: list[int]
) -> None:
    if not everything:
        monkeypatch.setattr(plan, "_DECODE_ALL_PX", 0)
    frames = round(seconds * 25)
    source, raw = media.clip(tmp_path / "a.mkv", seconds=seconds), tmp_path / "raw"
    known = facts(duration_ms=frames * 40, frames=frames, video_codec="h264")
    media.ffmpeg(*frames_argv(known, (320, 180), asked, source, raw)[1:])
    shown = tmp_path / "shown.mkv"
    one_by_one = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "320x180", "-i", "-", "-c:v", "ffv1")
    media.ffmpeg(*one_by_one, shown, feed=[raw.read_bytes()])
    assert media.read_frame_numbers(shown) == numbers
