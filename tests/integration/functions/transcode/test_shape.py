"""What the file is: its box, its codecs, its size, and that nothing of the source's metadata is in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from functions.errors import Unsupported
from functions.runtime.job import Job, Output
from functions.transcode.transcode import transcode
from tests.integration.functions.transcode.conftest import facts_of
from tests.media import (
    CORNERS,
    clip,
    combed_frames,
    corner_colours,
    crowded_clip,
    ffmpeg,
    frame_at,
    moov_before_mdat,
    read_frame_numbers,
    size_change_clip,
    stream_info,
)

Run = Callable[..., Output]


def test_h264_high_and_aac_in_an_mp4_that_plays_while_it_comes(tmp_path: Path, run: Run) -> None:
    output = run(clip(tmp_path / "in.webm", codec="vp9", seconds=0.4, size_px=(160, 120)))
    info = stream_info(output.path)
    assert output.path.name == "video.mp4"
    assert output.content_type == "video/mp4"
    assert "h264 (High)" in info.text
    assert "aac (LC)" in info.text
    assert (info.pixel_format, info.sar, info.streams) == ("yuv420p", "1:1", 2)
    assert moov_before_mdat(output.path)
    assert [path.name for path in output.path.parent.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize(
    ("size_px", "sar", "short_side_px", "expected"),
    [
        ((640, 360), "1:1", 240, (426, 240)),  # 640 × 240 / 360 = 426.7
        ((360, 640), "1:1", 240, (240, 426)),
        ((161, 121), "1:1", 240, (160, 120)),  # odd, and smaller than asked for
        ((180, 144), "16:15", 240, (192, 144)),  # 180 × 16 / 15
        ((360, 288), "16:15", 240, (320, 240)),  # 384 × 288 as shown
    ],
)
def test_the_size_is_as_shown(
    tmp_path: Path, run: Run, size_px: tuple[int, int], sar: str, short_side_px: int, expected: tuple[int, int]
) -> None:
    suffix = "mkv" if size_px[0] % 2 else "mp4"
    codec = "mjpeg" if size_px[0] % 2 else "h264"  # 4:2:0 H.264 has no odd sizes
    output = run(
        clip(tmp_path / f"in.{suffix}", codec=codec, seconds=0.2, size_px=size_px, sar=sar, channels=0), short_side_px=short_side_px
    )  # type: ignore[arg-type]
    info = stream_info(output.path)
    assert (info.width_px, info.height_px) == (output.width_px, output.height_px) == expected
    assert info.sar == "1:1"
    assert corner_colours(frame_at(output.path)) == CORNERS


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_rotation_is_applied_and_gone(tmp_path: Path, run: Run, rotation_deg: int) -> None:
    source = clip(tmp_path / "in.mov", seconds=0.2, size_px=(120, 160), rotation_deg=rotation_deg, channels=0)
    assert stream_info(source).rotation_deg == rotation_deg
    output = run(source)
    info = stream_info(output.path)
    assert (info.width_px, info.height_px, info.rotation_deg) == (120, 160, 0)
    assert (output.width_px, output.height_px) == (120, 160)
    assert corner_colours(frame_at(output.path)) == CORNERS


def test_interlaced_is_deinterlaced_with_each_frame_once(tmp_path: Path, run: Run) -> None:
    source = clip(tmp_path / "in.ts", interlaced=True, seconds=0.8, size_px=(320, 240), channels=0)
    assert combed_frames(source) > 0
    made = run(source).path
    assert combed_frames(made) == 0
    assert read_frame_numbers(made) == list(range(20))


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_size_that_changes_is_scaled_to_the_first(tmp_path: Path, run: Run, interlaced: bool) -> None:
    if interlaced:  # the deinterlacer holds a frame back
        parts = [tmp_path / "a.ts", tmp_path / "b.ts"]
        clip(parts[0], interlaced=True, seconds=0.48, size_px=(160, 120), channels=0)
        clip(parts[1], interlaced=True, seconds=0.48, size_px=(96, 72), channels=0, start_ms=480)
        source = tmp_path / "in.ts"
        source.write_bytes(b"".join(part.read_bytes() for part in parts))
        expected = [*range(12), *range(12)]
    else:
        source = size_change_clip(tmp_path / "in.ts", ((160, 120), (96, 72)), frames_each=12)
        expected = list(range(24))
    output = run(source)
    assert (output.width_px, output.height_px) == (160, 120)
    assert read_frame_numbers(output.path) == expected


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_first_sound_only_and_no_subtitles_chapters_or_words(tmp_path: Path, run: Run, suffix: str) -> None:
    source = crowded_clip(tmp_path / f"in{suffix}")
    made = run(source).path
    info = stream_info(made)
    assert b"darkroom-secret" in source.read_bytes()
    assert b"darkroom-secret" not in made.read_bytes()
    assert info.streams == 2
    assert "Chapter" not in info.text


def test_cover_art_is_no_picture(tmp_path: Path, run: Run, new_job: Callable[..., Job]) -> None:
    plain = clip(tmp_path / "plain.mp4", seconds=0.4, size_px=(160, 120))
    cover, source = tmp_path / "cover.png", tmp_path / "in.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", cover)
    ffmpeg("-i", cover, "-i", plain, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", source)
    output = run(source, facts=facts_of(plain))
    assert (output.width_px, output.height_px) == (160, 120)
    assert read_frame_numbers(output.path) == list(range(10))


def test_no_picture_is_unsupported(tmp_path: Path, new_job: Callable[..., Job]) -> None:
    source = clip(tmp_path / "in.mp4", seconds=0.2, size_px=(160, 120))
    blind = facts_of(source).model_copy(update={"width_px": None, "height_px": None})
    with pytest.raises(Unsupported):
        transcode(new_job(source, facts=blind))
