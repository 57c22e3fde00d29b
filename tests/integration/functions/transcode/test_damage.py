"""A damaged file is refused or comes out whole: never short without a word. The control shows that bare ffmpeg says nothing."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from functions.errors import BadInput, LimitExceeded, Unsupported
from functions.runtime.job import Job, Output
from functions.transcode import transcode as module
from functions.transcode.transcode import transcode
from tests.integration.functions.transcode.conftest import facts_of
from tests.media import clip, ffmpeg, frame_times_ms, read_frame_numbers, truncated

Run = Callable[..., Output]
NewJob = Callable[..., Job]
FRAMES = 75


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same 75 numbered frames and their sound in each container."""
    folder = tmp_path_factory.mktemp("whole")
    size_px = (160, 120)
    return {
        "mp4": clip(folder / "a.mp4", seconds=3, size_px=size_px, faststart=True),
        "hevc": clip(folder / "b.mp4", seconds=3, size_px=size_px, faststart=True, codec="hevc"),
        "mkv": clip(folder / "a.mkv", seconds=3, size_px=size_px),
        "webm": clip(folder / "a.webm", seconds=3, size_px=size_px, codec="vp9"),
        "avi": clip(folder / "a.avi", seconds=3, size_px=size_px, codec="mpeg4"),
        "ts": clip(folder / "a.ts", seconds=3, size_px=size_px),
    }


def test_control_ffmpeg_alone_is_content_with_half_a_file(tmp_path: Path, whole: dict[str, Path]) -> None:
    half = truncated(whole["mp4"], tmp_path / "half.mp4", 0.5)
    made = tmp_path / "made.mp4"
    ended = subprocess.run([get_ffmpeg_exe(), "-v", "quiet", "-i", half, made], check=False)
    assert ended.returncode == 0
    assert len(read_frame_numbers(made)) < FRAMES


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["mp4", "hevc", "mkv", "webm", "avi"])
def test_a_file_cut_short_is_refused(tmp_path: Path, whole: dict[str, Path], new_job: NewJob, name: str, fraction: float) -> None:
    source = whole[name]
    cut = truncated(source, tmp_path / f"cut{source.suffix}", fraction)
    with pytest.raises(BadInput, match="cut short"):
        transcode(new_job(cut, facts=facts_of(source)))


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_the_packets_alone_tell_it_too(
    tmp_path: Path, whole: dict[str, Path], new_job: NewJob, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Boxes may say that they go on to the end of the file; then what was decoded must be held against what was promised."""
    monkeypatch.setattr(module, "is_cut_short", lambda _source, _container: False)
    source = whole[name]
    for fraction in (0.4, 0.7):
        cut = truncated(source, tmp_path / f"cut{source.suffix}", fraction)
        with pytest.raises(BadInput):
            transcode(new_job(cut, facts=facts_of(source)))


def test_a_transport_stream_cut_inside_a_packet_is_refused(tmp_path: Path, whole: dict[str, Path], new_job: NewJob) -> None:
    data = whole["ts"].read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(data[: len(data) // 2 // 188 * 188 + 100])
    with pytest.raises(BadInput, match="cut short"):
        transcode(new_job(cut))


@pytest.mark.parametrize("sixteenth", [5, 8, 13])
def test_a_transport_stream_cut_between_packets_inside_a_frame_is_refused(tmp_path: Path, new_job: NewJob, sixteenth: int) -> None:
    data = (Path(__file__).parents[4] / "sample_data/broadcast.ts").read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(data[: len(data) // 188 * sixteenth // 16 * 188])
    with pytest.raises(BadInput):
        transcode(new_job(cut))


def test_a_recording_that_begins_and_ends_anywhere_is_taken(tmp_path: Path, run: Run, whole: dict[str, Path]) -> None:
    """From the first keyframe on, whatever plays comes out."""
    data = whole["ts"].read_bytes()
    packets = len(data) // 188
    recording = tmp_path / "recording.ts"
    recording.write_bytes(data[: 3 * 188] + data[packets // 4 * 188 : packets * 3 // 4 * 188])
    numbers = read_frame_numbers(run(recording).path)
    assert len(numbers) >= 20
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("name", ["mp4", "mkv", "avi", "ts"])
@pytest.mark.parametrize("seed", range(3))
def test_flipped_bytes_are_refused_or_every_frame_is_there(
    tmp_path: Path, whole: dict[str, Path], new_job: NewJob, name: str, seed: int
) -> None:
    source = whole[name]
    data, dice = bytearray(source.read_bytes()), random.Random(seed)
    for _ in range(8):
        data[dice.randrange(len(data) // 3, len(data))] ^= 0xFF
    damaged = tmp_path / f"damaged{source.suffix}"
    damaged.write_bytes(data)
    try:
        (output,) = transcode(new_job(damaged, facts=facts_of(source))).outputs
    except (BadInput, Unsupported):
        return
    assert len(frame_times_ms(output.path)) >= FRAMES - 1


def test_a_hole_in_the_middle_is_refused(tmp_path: Path, whole: dict[str, Path], new_job: NewJob) -> None:
    """As a download leaves it that set the file's length first: the boxes are all there, half of the data are zeros."""
    data = whole["mp4"].read_bytes()
    holed = tmp_path / "holed.mp4"
    half = len(data) // 2
    holed.write_bytes(data[:half] + bytes(len(data) - half))
    with pytest.raises(BadInput):
        transcode(new_job(holed))


def test_what_is_no_media_is_refused(tmp_path: Path, whole: dict[str, Path], new_job: NewJob) -> None:
    facts = facts_of(whole["mp4"])
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(random.Random(0).randbytes(20_000))
    with pytest.raises(BadInput):
        transcode(new_job(junk, facts=facts))


def test_a_playlist_named_mp4_opens_nothing(tmp_path: Path, whole: dict[str, Path], new_job: NewJob) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile {whole['mp4'].name}\n", "utf-8")
    with pytest.raises(BadInput):
        transcode(new_job(playlist, facts=facts_of(whole["mp4"])))


def test_a_decoder_off_the_list_is_unsupported(tmp_path: Path, new_job: NewJob) -> None:
    source = clip(tmp_path / "in.mkv", seconds=0.4, size_px=(160, 120), codec="mpeg2", channels=0)
    with pytest.raises(Unsupported):
        transcode(new_job(source))


def test_longer_than_it_says_is_a_limit(tmp_path: Path, run: Run, new_job: NewJob) -> None:
    source = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=160x120:r=2:d=30", "-c:v", "libx264", "-preset", "ultrafast", source)
    facts = facts_of(source)
    assert run(source).duration_ms == 30_000
    with pytest.raises(LimitExceeded):  # 2 × 1.1 + 10 s at most
        transcode(new_job(source, facts=facts.model_copy(update={"duration_ms": 2000})))


def test_an_hour_that_is_not_there_is_refused(tmp_path: Path, new_job: NewJob) -> None:
    source = clip(tmp_path / "in.mp4", seconds=0.4, size_px=(160, 120))
    with pytest.raises(BadInput, match=r"it says 3600\.0 s, but only 0\.4 s are there"):
        transcode(new_job(source, facts=facts_of(source).model_copy(update={"duration_ms": 3_600_000})))
