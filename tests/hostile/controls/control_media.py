"""Controls: what each rule about media stops is taken when the rule is taken away, and nothing else is changed."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from functions.media import ffmpeg as ffmpeg_module
from functions.media.magic import Identity
from functions.probe import main as probe_main
from functions.transcode import transcode as transcode_module
from tests import media
from tests.hostile.bombs import _jpeg
from tests.hostile.canary import Canary
from tests.hostile.judge import examine
from tests.hostile.playlists import ATTACKS, written
from tests.hostile.test_playlists import DECEIVED
from tests.hostile.wiring import without

NAMING = ("dash", "hls", "hls of files", "ffconcat")
"""Attacks that this ffmpeg falls for where nothing stops it. `control_playlists` has those that take more: sdp, svg, the reference
movie. For pls, eps and pdf the binary in the wheel has neither demuxer nor decoder.
"""


def without_options(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """FFmpeg's options on its input, but for these."""
    whole = ffmpeg_module.input_options

    def fewer(*arguments: Any, **more: Any) -> dict[str, Any]:
        return {name: value for name, value in whole(*arguments, **more).items() if name not in names}

    monkeypatch.setattr(ffmpeg_module, "input_options", fewer)


@pytest.mark.parametrize("attack", NAMING)
def test_playlists_are_read_where_nothing_stops_them(tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, attack: str) -> None:
    source = written(tmp_path, "source.m3u8", ATTACKS[attack](canary))
    without_options(monkeypatch, "format", "format_whitelist", "protocol_whitelist")
    canary.opened()
    with without("landlock"):
        examine(source, ("thumbnail",), facts=DECEIVED["mp4"])
    assert canary.opened() > 0


@pytest.mark.parametrize("left", ["format", "format_whitelist", "landlock"])
@pytest.mark.parametrize("attack", NAMING)
def test_each_of_three_alone_stops_them(tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, attack: str, left: str) -> None:
    source = written(tmp_path, "source.m3u8", ATTACKS[attack](canary))
    without_options(monkeypatch, *({"format", "format_whitelist", "protocol_whitelist"} - {left}))
    canary.opened()
    with without(*({"landlock"} - {left})):
        examine(source, ("thumbnail",), facts=DECEIVED["mp4"])
    canary.assert_silent()


def test_the_magic_decides_and_not_the_name(tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path, "attack.mp4", ATTACKS["dash"](canary))
    assert examine(source).outcome == "unsupported"
    monkeypatch.setattr(probe_main, "identify", lambda path: Identity(container="mp4", label="what its name says"))
    assert examine(source).outcome == "bad-input"  # it was given to ffmpeg, which the forced demuxer stops


def test_pixels_of_a_picture(tmp_path: Path) -> None:
    Image.new("1", (8000, 8000)).save(tmp_path / "a.png")
    assert examine(tmp_path / "a.png").outcome == "limit"
    with without("size check"):
        assert examine(tmp_path / "a.png").outcome == "done"


def test_scans_of_a_picture(tmp_path: Path) -> None:
    data = _jpeg((500, 500), (500, 500), progressive=True)
    last = data.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(data[:last] + data[last:-2] * 200 + data[-2:])
    assert examine(tmp_path / "a.jpg").outcome == "limit"
    with without("scan check"):
        assert examine(tmp_path / "a.jpg").outcome == "done"


def test_a_picture_is_opened_by_its_own_plugin_alone(tmp_path: Path) -> None:
    media.still(tmp_path / "a.bmp", (64, 64))
    assert examine(tmp_path / "a.bmp", facts=DECEIVED["jpeg"]).outcome == "bad-input"
    with without("formats"):
        assert examine(tmp_path / "a.bmp", facts=DECEIVED["jpeg"]).outcome == "done"


def test_half_a_picture(tmp_path: Path) -> None:
    half = media.truncated(media.still(tmp_path / "whole.jpg", (640, 480)), tmp_path / "a.jpg", 0.6)
    assert examine(half).outcome == "bad-input"
    with without("whole pictures"):
        assert examine(half).outcome == "done"


def test_a_cut_file_is_told_by_arithmetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = media.clip(tmp_path / "whole.ts", seconds=1)
    (tmp_path / "a.ts").write_bytes(whole.read_bytes()[:-100])
    assert examine(tmp_path / "a.ts").outcome == "bad-input"
    monkeypatch.setattr(probe_main, "is_cut_short", lambda *file: False)
    assert examine(tmp_path / "a.ts").outcome == "done"


def test_words_and_chapters_are_dropped_from_a_rendition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = media.crowded_clip(tmp_path / "a.mkv")
    whole = transcode_module.rendering

    def keeping(**arguments: Any) -> list[str]:
        argv = whole(**arguments)
        for name in ("-map_metadata", "-map_chapters"):
            at = argv.index(name)
            del argv[at : at + 2]
        return argv

    monkeypatch.setattr(transcode_module, "rendering", keeping)
    examine(source, ("transcode",), keep=tmp_path / "out")
    assert media.SECRET in (tmp_path / "out" / "transcode" / "video.mp4").read_bytes()


def test_a_decoder_is_named_or_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What probe would refuse by its codec, had it not been deceived."""
    media.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=5:d=2", "-c:v", "huffyuv", tmp_path / "a.mkv")
    facts = DECEIVED["mp4"].model_copy(update={"container": "matroska"})
    assert examine(tmp_path / "a.mkv", ("thumbnail",), facts=facts).outcome in ("bad-input", "unsupported")
    without_options(monkeypatch, "codec_whitelist")
    assert examine(tmp_path / "a.mkv", ("thumbnail",), facts=facts).outcome == "done"
