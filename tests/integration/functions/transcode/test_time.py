"""Each frame once and in its place; the sound in its place; nothing cut."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from functions.runtime.job import Output
from tests.media import (
    beep_flash_clip,
    clip,
    crowded_clip,
    cut_by_edit_list,
    ffmpeg,
    first_beep_ms,
    first_flash_ms,
    frame_times_ms,
    read_frame_numbers,
    sound_ms,
    stream_info,
    tone_level,
    variable_rate_times_ms,
)

Run = Callable[..., Output]
SMALL = (160, 120)


@pytest.mark.parametrize(
    ("name", "fps", "how"),
    [
        ("cfr.mp4", 25, {}),
        ("film.mp4", Fraction(24000, 1001), {}),
        ("ntsc.ts", Fraction(30000, 1001), {}),
        ("sixty.mkv", 60, {}),
        ("slow.mp4", 5, {}),
        ("hevc.mp4", 25, {"codec": "hevc"}),
        ("vp8.webm", 25, {"codec": "vp8"}),
        ("av1.mp4", 25, {"codec": "av1"}),
        ("late.mp4", 25, {"start_ms": 5000}),
    ],
)
def test_constant_rates_keep_every_frame_and_the_exact_rate(
    tmp_path: Path, run: Run, name: str, fps: int | Fraction, how: dict[str, object]
) -> None:
    source = clip(tmp_path / name, seconds=1.0, fps=fps, size_px=SMALL, **how)  # type: ignore[arg-type]
    count = round(1.0 * fps)
    output = run(source)
    assert read_frame_numbers(output.path) == list(range(count))
    times = frame_times_ms(output.path)
    rounding_ms = 1.0 if name.endswith((".mkv", ".webm")) else 0.05  # Matroska's clock has milliseconds
    for number, at_ms in enumerate(times):
        assert at_ms - times[0] == pytest.approx(float(number * 1000 / fps), abs=rounding_ms)
    assert output.duration_ms == pytest.approx(float(1000 * count / fps), abs=float(1000 / fps + 10))


def test_avi(tmp_path: Path, run: Run) -> None:
    source = clip(tmp_path / "in.avi", codec="mpeg4", seconds=1.0, size_px=SMALL)
    output = run(source)
    assert read_frame_numbers(output.path) == list(range(25))
    assert frame_times_ms(output.path) == pytest.approx(frame_times_ms(source), abs=0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_variable_rate_keeps_each_moment(tmp_path: Path, run: Run, suffix: str) -> None:
    output = run(clip(tmp_path / f"in{suffix}", variable_rate=True, seconds=1.2, size_px=SMALL))
    assert read_frame_numbers(output.path) == list(range(30))
    assert frame_times_ms(output.path) == pytest.approx(variable_rate_times_ms(30, 25), abs=1)
    assert output.duration_ms == pytest.approx(1880 + 40, abs=40)  # the last of 30 frames begins at (9 × 5 + 2) × 40 ms


def test_a_rate_over_60_is_thinned_evenly(tmp_path: Path, run: Run) -> None:
    output = run(clip(tmp_path / "in.mp4", fps=120, seconds=0.5, size_px=SMALL))
    assert stream_info(output.path).frame_rate == 60
    assert read_frame_numbers(output.path) == list(range(0, 60, 2))


def test_one_frame(tmp_path: Path, run: Run) -> None:
    output = run(clip(tmp_path / "in.mp4", seconds=0.04, size_px=SMALL, channels=0))
    assert read_frame_numbers(output.path) == [0]
    assert output.duration_ms == 40


def test_frames_before_an_edit_lists_beginning_are_not_shown(tmp_path: Path, run: Run) -> None:
    source = cut_by_edit_list(clip(tmp_path / "whole.mp4", size_px=SMALL), tmp_path / "in.mp4", skip_ms=640)
    output = run(source)
    assert read_frame_numbers(output.path) == list(range(16, 50))  # 640 × 25 / 1000 = 16
    assert output.duration_ms == pytest.approx(1360, abs=40)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("plain.mp4", {}),
        ("late_sound.mp4", {"sound_delay_ms": 320}),
        ("late_picture.mp4", {"picture_delay_ms": 320}),
        ("late_sound.mkv", {"sound_delay_ms": 320}),
        ("start.ts", {"start_ms": 5000}),
        ("late_picture.ts", {"picture_delay_ms": 320, "start_ms": 1000}),
        ("plain.webm", {"codec": "vp9"}),
    ],
)
def test_sound_stays_with_the_picture(tmp_path: Path, run: Run, name: str, how: dict[str, object]) -> None:
    source = beep_flash_clip(tmp_path / name, events_ms=(800,), seconds=1.6, size_px=SMALL, **how)  # type: ignore[arg-type]
    made = run(source).path
    assert abs(first_beep_ms(made) - first_flash_ms(made)) <= 20
    assert first_flash_ms(made) - first_flash_ms(source) == pytest.approx(0, abs=1)


def test_a_gap_in_the_sound_stays_a_gap(tmp_path: Path, run: Run) -> None:
    whole = beep_flash_clip(tmp_path / "whole.mkv", events_ms=(1000,), seconds=1.6, size_px=SMALL)
    holed = tmp_path / "in.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-bsf:a", "noise=drop='between(pts*tb,0.3,0.6)'", holed)
    made = run(holed).path
    assert abs(first_beep_ms(made) - first_flash_ms(made)) <= 20


@pytest.mark.parametrize(("sound_seconds", "longest_ms"), [(1.6, 1600), (0.4, 800)])
def test_sound_longer_or_shorter_than_the_picture(tmp_path: Path, run: Run, sound_seconds: float, longest_ms: int) -> None:
    output = run(clip(tmp_path / "in.mp4", seconds=0.8, sound_seconds=sound_seconds, size_px=SMALL))
    assert read_frame_numbers(output.path) == list(range(20))
    assert sound_ms(output.path) == pytest.approx(sound_seconds * 1000, abs=50)
    assert output.duration_ms == pytest.approx(longest_ms, abs=50)


def test_no_sound(tmp_path: Path, run: Run) -> None:
    info = stream_info(run(clip(tmp_path / "in.mp4", channels=0, seconds=0.4, size_px=SMALL)).path)
    assert (info.sound_codec, info.streams) == (None, 1)


def test_surround_is_mixed_down_with_every_voice(tmp_path: Path, run: Run) -> None:
    made = run(clip(tmp_path / "in.mp4", channels=6, seconds=1.0, size_px=SMALL)).path
    assert stream_info(made).sound_layout == "stereo"
    assert all(tone_level(made, hz) > 0.02 for hz in (440, 660, 880, 1100, 1320))


def test_telephone_sound(tmp_path: Path, run: Run) -> None:
    made = run(clip(tmp_path / "in.mp4", sound_rate_hz=8000, seconds=1.0, size_px=SMALL)).path
    info = stream_info(made)
    assert (info.sound_layout, info.sound_rate_hz) == ("mono", 44100)
    assert tone_level(made, 440) == pytest.approx(0.3, abs=0.05)


def test_the_first_sound_track_is_taken(tmp_path: Path, run: Run) -> None:
    made = run(crowded_clip(tmp_path / "in.mkv")).path
    assert tone_level(made, 440) > 0.2
    assert tone_level(made, 880) < 0.01
