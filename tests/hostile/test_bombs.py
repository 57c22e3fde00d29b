"""Small files that ask for much: each ends as it should, in time and under the cap of memory; sound files beside them are done."""

from pathlib import Path

import pytest

from functions.media.formats import MediaLimits
from schemas.facts import Kind, MediaFacts
from tests import media
from tests.hostile.bombs import BOMBS, Bomb, mkv_of_144_megapixels
from tests.hostile.judge import MAX_PEAK_BYTES, Verdict, examine, examine_apart

SLOWEST_S = 20
Judged = dict[str, Verdict]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Every bomb's verdict by its name, and those of two sound files behind them all."""
    folder = tmp_path_factory.mktemp("bombs")
    for bomb in BOMBS:
        bomb.build(folder / bomb.name)
    sound = [media.still(folder / "sound.jpg"), media.clip(folder / "sound.mp4", seconds=0.4)]
    files = [*(folder / bomb.name for bomb in BOMBS), *sound]
    return {verdict.name: verdict for verdict in examine_apart(files, ("thumbnail", "transcode", "embed"))}


@pytest.mark.parametrize("bomb", BOMBS, ids=[bomb.name for bomb in BOMBS])
def test_it_ends_as_it_should(judged: Judged, bomb: Bomb) -> None:
    verdict = judged[bomb.name]
    assert verdict.outcome in bomb.ends
    assert verdict.seconds < SLOWEST_S


def test_none_took_more_memory_than_the_cap_and_the_sound_files_are_done(judged: Judged) -> None:
    assert judged["sound.jpg"].outcome == judged["sound.mp4"].outcome == "done"
    assert 0 < judged["sound.mp4"].peak_bytes < MAX_PEAK_BYTES


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pixels.jpg", "4225 megapixels; at most 50 megapixels"),
        ("pixels.png", "88 megapixels; at most 50 megapixels"),
        ("pixels.mkv", "16000 × 9000, more pixels than the 40000000"),
        ("scans.jpg", "scans; at most 100"),
        ("duration.mp4", "1000.0 hours; at most 6.0 hours"),
        ("duration.mkv", "1000.0 hours; at most 6.0 hours"),
        ("edge.mkv", "40000 × 16 pixels; at most 40 megapixels and 32768 a side"),
        ("aspect.mp4", "40960 × 64"),
        ("streams.mkv", "holds 200 streams; at most 16 are taken"),
        ("streams.mp4", "holds 20 streams; at most 16 are taken"),
    ],
)
def test_the_sentence_says_which_limit(judged: Judged, name: str, words: str) -> None:
    assert words in judged[name].message


@pytest.mark.parametrize(("limit", "words"), [("max_frames", "has 50 frames; at most 40"), ("max_packets", "more than 40 packets")])
def test_frames_and_packets_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, words: str) -> None:
    """Two million frames would take minutes to make: the bound is brought down to the file, as anybody may."""
    monkeypatch.setenv(f"MEDIA_{limit.upper()}", "40")
    assert getattr(MediaLimits.from_environment(), limit) == 40
    verdict = examine(media.clip(tmp_path / "clip.mkv", seconds=2, channels=0, size_px=(64, 48)))
    assert verdict.outcome == "limit"
    assert words in verdict.message


def test_what_a_header_says_of_a_picture_is_not_believed(tmp_path: Path) -> None:
    """Facts that say 64 × 64 do not have a large frame decoded: ffmpeg asks for itself."""
    mkv_of_144_megapixels(tmp_path / "a.mkv")
    small = {"width_px": 64, "height_px": 64, "duration_ms": 40, "frames": 1, "video_codec": "mjpeg", "sha256": "0" * 64, "bytes": 1}
    facts = MediaFacts.model_validate({"kind": Kind.VIDEO, "container": "matroska", **small})
    assert examine(tmp_path / "a.mkv", ("thumbnail",), facts=facts).outcome in ("limit", "bad-input")
