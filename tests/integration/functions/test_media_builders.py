"""The builders of test media tell the truth, by readers that know nothing of how a file was made."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps, ImageSequence

from tests import media

# --- stills


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_orientation_turns_the_corners_back(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = media.with_orientation(tmp_path / f"turned{suffix}", orientation, (60, 40))
    with Image.open(path) as image:
        assert image.size == ((40, 60) if orientation >= 5 else (60, 40))
        assert (media.corner_colours(image) == media.CORNERS) == (orientation == 1)
        upright = ImageOps.exif_transpose(image)
    assert upright.size == (60, 40)
    assert media.corner_colours(upright) == media.CORNERS


def test_avif_says_turn_twice(tmp_path: Path) -> None:
    data = media.avif_turned_twice(tmp_path / "twice.avif").read_bytes()
    assert b"irot" in data
    assert b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06" in data  # EXIF: tag 0x0112, a short, one of it, 6


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".avif", ".bmp", ".tiff"])
def test_stills_of_every_format_are_upright(tmp_path: Path, suffix: str) -> None:
    assert media.corner_colours(media.still(tmp_path / f"still{suffix}")) == media.CORNERS


def test_sizes_at_the_edge(tmp_path: Path) -> None:
    assert Image.open(media.tiny(tmp_path / "tiny.png")).size == (1, 1)
    assert Image.open(media.wide(tmp_path / "wide.png")).size == (4000, 3)


def test_alpha_hides_another_colour(tmp_path: Path) -> None:
    rgba = Image.open(media.png_rgba(tmp_path / "rgba.png"))
    assert (rgba.getpixel((0, 0)), rgba.getpixel((319, 0))) == ((0, 0, 255, 255), (255, 0, 255, 0))
    palette = Image.open(media.png_palette(tmp_path / "palette.png"))
    assert palette.mode == "P"
    assert (palette.convert("RGBA").getpixel((0, 0)), palette.convert("RGBA").getpixel((319, 0))) == ((200, 40, 40, 255), (0, 255, 0, 0))


def test_sixteen_bits_are_sixteen(tmp_path: Path) -> None:
    image = Image.open(media.png_16bit_grey(tmp_path / "ramp.png"))
    assert (image.mode, image.getpixel((0, 0)), image.getpixel((256, 0)), image.getpixel((511, 0))) == (
        "I;16",
        0,
        65535 * 256 // 511,
        65535,
    )


def test_cmyk_jpeg_reads_as_the_corners(tmp_path: Path) -> None:
    image = Image.open(media.cmyk_jpeg(tmp_path / "ink.jpg"))
    assert image.mode == "CMYK"
    assert media.corner_colours(image) == media.CORNERS


def test_display_p3_red_is_srgb_red(tmp_path: Path) -> None:
    image = Image.open(media.display_p3_jpeg(tmp_path / "p3.jpg"))
    profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
    assert converted is not None
    assert converted.getpixel((32, 32)) == pytest.approx((255, 0, 0), abs=4)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_animations_have_their_frames(tmp_path: Path, suffix: str) -> None:
    image = Image.open(media.animation(tmp_path / f"moving{suffix}", frames=4))
    assert len(list(ImageSequence.Iterator(image))) == 4


def test_secrets_are_there_to_be_found(tmp_path: Path) -> None:
    assert media.secretive_jpeg(tmp_path / "s.jpg").read_bytes().count(media.SECRET) == 4  # camera, GPS, XMP, comment
    assert media.png_with_secrets(tmp_path / "s.png").read_bytes().count(media.SECRET) == 3


# --- clips


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "h264"),
        ("a.mov", "hevc"),
        ("a.webm", "vp8"),
        ("a.webm", "vp9"),
        ("a.mkv", "av1"),
        ("a.avi", "mpeg4"),
        ("a.ts", "mpeg2"),
        ("a.mov", "mjpeg"),
    ],
)
def test_every_frame_is_there_once(tmp_path: Path, name: str, codec: media.Codec) -> None:
    path = media.clip(tmp_path / name, seconds=1, codec=codec)
    assert media.read_frame_numbers(path) == list(range(25))
    assert media.corner_colours(media.frame_at(path)) == media.CORNERS


def test_numbers_survive_scaling(tmp_path: Path) -> None:
    big = media.clip(tmp_path / "big.mp4", seconds=0.5, size_px=(640, 360), channels=0)
    small = tmp_path / "small.mp4"
    media.ffmpeg("-i", big, "-vf", "scale=96:54", "-crf", "30", small)
    assert media.read_frame_numbers(small) == list(range(12))


def test_the_reader_sees_lost_doubled_and_blank_frames(tmp_path: Path) -> None:
    path = media.clip(tmp_path / "whole.mp4", seconds=0.4, channels=0)
    lost, doubled = tmp_path / "lost.mp4", tmp_path / "doubled.mp4"
    media.ffmpeg("-i", path, "-vf", "select='not(eq(n,4))'", "-fps_mode", "passthrough", lost)
    again = "split[a][b];[a]trim=end_frame=5[x];[b]trim=start_frame=4,setpts=PTS-STARTPTS[y];[x][y]concat"
    media.ffmpeg("-i", path, "-vf", again, doubled)
    assert media.read_frame_numbers(lost) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert media.read_frame_numbers(doubled) == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]
    with pytest.raises(ValueError, match="no frame number"):
        media.read_frame_numbers(media.clip(tmp_path / "black.mp4", seconds=0.2, black_frames=1))


@pytest.mark.parametrize(("rotation_deg", "stored_px"), [(90, (180, 320)), (180, (320, 180)), (270, (180, 320))])
def test_turned_clips_lie_and_are_shown_upright(tmp_path: Path, rotation_deg: int, stored_px: tuple[int, int]) -> None:
    path = media.clip(tmp_path / "turned.mov", seconds=0.2, rotation_deg=rotation_deg)
    info = media.stream_info(path)
    assert (info.rotation_deg, (info.width_px, info.height_px)) == (rotation_deg, stored_px)
    assert media.frame_at(path).size == (320, 180)
    assert media.corner_colours(media.frame_at(path)) == media.CORNERS
    assert media.read_frame_numbers(path) == [0, 1, 2, 3, 4]


def test_variable_rate(tmp_path: Path) -> None:
    path = media.clip(tmp_path / "vfr.mp4", seconds=0.4, variable_rate=True)
    assert media.frame_times_ms(path) == pytest.approx([0, 40, 80, 200, 240, 280, 400, 440, 480, 600], abs=1)  # 25 a second
    assert media.variable_rate_times_ms(4, 25) == [0, 40, 80, 200]


def test_ntsc_rate_is_exact(tmp_path: Path) -> None:
    path = media.clip(tmp_path / "film.mp4", seconds=1.001, fps=Fraction(24000, 1001))
    assert media.frame_times_ms(path)[-1] == pytest.approx(23 * 1001 / 24, abs=0.1)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h264"), ("a.ts", "mpeg2")])
def test_interlaced_frames_are_combed(tmp_path: Path, name: str, codec: media.Codec) -> None:
    path = media.clip(tmp_path / name, seconds=1, codec=codec, interlaced=True)
    assert media.combed_frames(path) == 25
    assert media.read_frame_numbers(path) == list(range(25))
    assert media.combed_frames(media.clip(tmp_path / "progressive.mp4", seconds=1)) == 0


@pytest.mark.parametrize(("hdr", "curve"), [("pq", "smpte2084"), ("hlg", "arib-std-b67")])
def test_hdr_is_tagged_and_readable(tmp_path: Path, hdr: media.Hdr, curve: str) -> None:
    path = media.clip(tmp_path / "hdr.mp4", seconds=0.2, codec="hevc", hdr=hdr)
    info = media.stream_info(path)
    assert (info.pixel_format, info.colour) == ("yuv420p10le", f"tv, bt2020nc/bt2020/{curve}, progressive")
    assert media.read_frame_numbers(path) == [0, 1, 2, 3, 4]


def test_hdr_ramp_rises(tmp_path: Path) -> None:
    frame = media.frame_at(media.hdr_ramp_clip(tmp_path / "ramp.mp4")).convert("L")
    levels = frame.crop((0, 40, 640, 41)).tobytes()[40::80]  # the middle of each step
    assert all(lower < higher for lower, higher in pairwise(levels))


def test_pixel_aspect_and_sound_layout(tmp_path: Path) -> None:
    info = media.stream_info(media.clip(tmp_path / "dv.mkv", seconds=0.5, size_px=(360, 288), sar="16:15", channels=6))
    assert (info.sar, info.sound_layout, info.sound_rate_hz) == ("16:15", "5.1", 48000)


def test_sound_may_be_longer_or_shorter(tmp_path: Path) -> None:
    longer = media.clip(tmp_path / "longer.mp4", seconds=1, sound_seconds=1.5, sound_rate_hz=8000)
    assert media.sound_ms(longer) == pytest.approx(1500, abs=130)  # AAC frames at 8 kHz are 128 ms
    assert media.tone_level(longer, 440) == pytest.approx(0.3, abs=0.05)
    assert media.tone_level(longer, 880) < 0.01


@pytest.mark.parametrize(
    ("suffix", "picture_delay_ms", "sound_delay_ms"),
    [(".mp4", 0, 0), (".mp4", 400, 0), (".mp4", 0, 400), (".mkv", 400, 0), (".ts", 0, 0), (".ts", 0, 400), (".webm", 0, 0)],
)
def test_beep_and_flash_begin_together(tmp_path: Path, suffix: str, picture_delay_ms: int, sound_delay_ms: int) -> None:
    codec: media.Codec = "vp8" if suffix == ".webm" else "h264"
    path = media.beep_flash_clip(
        tmp_path / f"sync{suffix}", seconds=1.6, codec=codec, picture_delay_ms=picture_delay_ms, sound_delay_ms=sound_delay_ms
    )
    assert media.first_flash_ms(path) == pytest.approx(1000, abs=25)  # in a transport stream AAC's lead-in of 21 ms comes first
    assert media.first_beep_ms(path) - media.first_flash_ms(path) == pytest.approx(0, abs=8)


def test_a_start_offset_moves_both(tmp_path: Path) -> None:
    path = media.beep_flash_clip(tmp_path / "late.ts", seconds=1.6, start_ms=5000)
    assert media.stream_info(path).start_ms >= 5000
    assert media.first_flash_ms(path) - media.first_beep_ms(path) == pytest.approx(0, abs=12)


def test_an_edit_list_hides_the_frames_before_the_cut(tmp_path: Path) -> None:
    whole = media.clip(tmp_path / "whole.mp4", seconds=2)
    cut = media.cut_by_edit_list(whole, tmp_path / "cut.mp4", skip_ms=680)
    assert media.read_frame_numbers(cut)[0] == 17  # 0.68 s × 25; the keyframe before is 12
    assert media.read_frame_numbers(cut)[-1] == 49


def test_the_size_changes_in_mid_stream(tmp_path: Path) -> None:
    path = media.size_change_clip(tmp_path / "change.ts", frames_each=10)
    assert media.read_frame_numbers(path) == list(range(20))


def test_crowded_clip(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv"):
        path = media.crowded_clip(tmp_path / f"crowded{suffix}")
        assert media.stream_info(path).text.count("Audio:") == 2
        assert "Subtitle:" in media.stream_info(path).text
        assert media.tone_level(path, 440) > 0.2


def test_a_cover_is_an_attachment(tmp_path: Path) -> None:
    for suffix in (".mp3", ".m4a", ".flac"):
        info = media.stream_info(media.sound_file(tmp_path / f"song{suffix}", cover=True))
        assert "attached pic" in info.text


def test_where_the_moov_box_stands(tmp_path: Path) -> None:
    assert not media.moov_before_mdat(media.clip(tmp_path / "camera.mp4", seconds=0.2))
    assert media.moov_before_mdat(media.clip(tmp_path / "web.mp4", seconds=0.2, faststart=True))


def test_a_truncated_clip_is_short_though_ffmpeg_is_content(tmp_path: Path) -> None:
    whole = media.clip(tmp_path / "whole.mp4", seconds=2, faststart=True)
    half = media.truncated(whole, tmp_path / "half.mp4", 0.5)
    assert 0 < len(media.read_frame_numbers(half)) < 50
    with pytest.raises(ValueError, match="moov"):
        media.stream_info(media.truncated(media.clip(tmp_path / "camera.mp4"), tmp_path / "lost.mp4"))
