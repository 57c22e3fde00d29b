"""Tags and values must agree: by table, then on real frames."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from functions.runtime.job import Output
from functions.transcode.colour import BT601, BT601_PAL, BT709, Tags, sdr_filters, tags_of
from functions.transcode.look import Look
from tests.media import CORNERS, clip, ffmpeg, frame_at, hdr_ramp_clip, stream_info
from tests.media.marks import COLOURS, corner_boxes

Run = Callable[..., Output]


@pytest.mark.parametrize(
    ("size_px", "codec", "said", "expected"),
    [
        ((1920, 1080), "h264", {}, BT709),
        ((720, 1280), "hevc", {}, BT709),  # a phone held upright
        ((640, 480), "h264", {}, BT601),
        ((720, 576), "h264", {}, BT601_PAL),
        ((1920, 1080), "vp8", {}, BT601),
        ((640, 480), "h264", {"space": "bt709"}, BT709),
        ((1920, 1080), "h264", {"space": "smpte170m"}, BT601),
        (
            (640, 480),
            "h264",
            {"space": "bt709", "transfer": "iec61966-2-1"},
            Tags(space="bt709", primaries="bt709", transfer="iec61966-2-1"),
        ),
        (
            (640, 480),
            "h264",
            {"space": "smpte170m", "primaries": "bt709"},
            Tags(space="smpte170m", primaries="bt709", transfer="smpte170m"),
        ),
    ],
)
def test_tags_are_kept_and_guessed_where_they_lack(size_px: tuple[int, int], codec: str, said: dict[str, str], expected: Tags) -> None:
    assert tags_of(Look(width_px=size_px[0], height_px=size_px[1], **said), codec) == expected


@pytest.mark.parametrize("space", ["gbr", "ycgco"])
def test_what_no_player_expects_of_h264_becomes_bt709(space: str) -> None:
    chain = ",".join(sdr_filters(Look(width_px=640, height_px=480, space=space), "h264", "320:240"))
    assert "out_color_matrix=bt709" in chain
    assert "colorspace=bt709" in chain


def _patches_off_by(image: Image.Image) -> int:
    """The largest difference, in levels of 255, between the test card's corners and the picture's."""
    worst = 0
    for corner, (left, top, right, bottom) in corner_boxes(*image.size).items():
        middle = image.crop(((3 * left + right) // 4, (3 * top + bottom) // 4, (left + 3 * right) // 4, (top + 3 * bottom) // 4))
        worst = max(worst, *(abs(a - b) for a, b in zip(ImageStat.Stat(middle).mean, COLOURS[CORNERS[corner]], strict=True)))
    return round(worst)


@pytest.mark.parametrize(
    ("name", "how", "tags"),
    [
        ("bt709.mp4", {}, "tv, bt709, progressive"),
        ("bt601.avi", {"codec": "mpeg4"}, "tv, smpte170m, progressive"),  # AVI has no tags
        ("vp8.webm", {"codec": "vp8"}, None),
        ("vp9.webm", {"codec": "vp9"}, "tv, bt709, progressive"),
        ("full.mkv", {"codec": "mjpeg"}, None),  # full range in
    ],
)
def test_sdr_colours_stay(tmp_path: Path, run: Run, name: str, how: dict[str, str], tags: str | None) -> None:
    source = clip(tmp_path / name, seconds=0.2, size_px=(160, 120), channels=0, **how)  # type: ignore[arg-type]
    made = run(source).path
    info = stream_info(made)
    assert tags is None or info.colour == tags
    assert (info.colour or "").startswith("tv, ")
    assert info.pixel_format == "yuv420p"
    assert _patches_off_by(frame_at(made, 80)) <= 6


def test_a_small_rendition_of_an_untagged_hd_clip_says_bt709(tmp_path: Path, run: Run) -> None:
    tagged = clip(tmp_path / "tagged.mp4", seconds=0.12, size_px=(1280, 720), channels=0)
    untagged = tmp_path / "untagged.ts"  # MP4 has tags of its own
    unsaid = "colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
    ffmpeg("-i", tagged, "-c", "copy", "-bsf:v", f"h264_metadata={unsaid}", untagged)
    assert "bt709" not in (stream_info(untagged).colour or "")
    made = run(untagged).path
    assert stream_info(made).colour == "tv, bt709, progressive"
    assert _patches_off_by(frame_at(made, 40)) <= 6


@pytest.mark.parametrize("hdr", ["pq", "hlg"])
def test_hdr_becomes_sdr_with_its_steps_and_its_yellow(tmp_path: Path, run: Run, hdr: str) -> None:
    source = hdr_ramp_clip(tmp_path / "ramp.mp4", hdr=hdr, frames=3)  # type: ignore[arg-type]
    made = run(source).path
    info = stream_info(made)
    assert info.colour == "tv, bt709, progressive"
    assert info.pixel_format == "yuv420p"
    assert "Mastering" not in info.text
    image = frame_at(made)
    steps = [image.getpixel((40 + 80 * n, 45))[1] for n in range(8)]  # type: ignore[index]
    assert all(later - earlier >= 2 for earlier, later in pairwise(steps)), steps
    red, green, blue = image.getpixel((320, 135))  # type: ignore[misc]
    assert abs(red - green) <= 30
    assert blue < 100 < 180 < min(red, green)


def test_hdr_test_card_keeps_its_colours_roughly(tmp_path: Path, run: Run) -> None:
    source = clip(tmp_path / "hlg.mp4", seconds=0.12, size_px=(160, 120), channels=0, codec="hevc", hdr="hlg")
    assert _patches_off_by(frame_at(run(source).path)) <= 60
