"""Controls: which protocols ffmpeg speaks. Everything else that stops a playlist is taken away, so that `-protocol_whitelist` is alone.

FFmpeg itself lets a file on disk name only `file`, `crypto` and `data` where nothing is said, so `http` is not what our option alone
keeps out: it is called where the option says so, and `crypto` is spoken where the option is gone.
"""

from pathlib import Path
from typing import Any

import pytest

from functions.media import ffmpeg as ffmpeg_module
from tests import media
from tests.hostile.canary import Canary
from tests.hostile.controls.control_media import without_options
from tests.hostile.judge import examine
from tests.hostile.playlists import written
from tests.hostile.test_playlists import DECEIVED
from tests.hostile.wiring import without

OPEN = ("landlock", "seccomp", "network", "uid")
HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"


def playlist(url: str) -> bytes:
    return f"{HEAD}{url}\n#EXT-X-ENDLIST\n".encode()


def allowing(monkeypatch: pytest.MonkeyPatch, protocols: str) -> None:
    whole = ffmpeg_module.input_options

    def wider(*arguments: Any, **more: Any) -> dict[str, Any]:
        return {**whole(*arguments, **more), "protocol_whitelist": protocols}

    monkeypatch.setattr(ffmpeg_module, "input_options", wider)


@pytest.mark.parametrize(("protocols", "calls"), [("file", False), ("file,http,tcp", True)])
def test_a_url_is_called_where_the_whitelist_lets_it(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, protocols: str, calls: bool
) -> None:
    source = written(tmp_path, "source.m3u8", playlist(f"{canary.url}/hls.ts"))
    without_options(monkeypatch, "format", "format_whitelist")
    allowing(monkeypatch, protocols)
    with without(*OPEN):
        examine(source, ("thumbnail",), facts=DECEIVED["mp4"])
    assert (canary.called() > 0) is calls


@pytest.mark.parametrize(("taken_away", "outcome"), [((), "bad-input"), (("protocol_whitelist",), "done")])
def test_an_encrypted_segment_is_read_where_the_whitelist_is_gone(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, taken_away: tuple[str, ...], outcome: str
) -> None:
    """`crypto`, which ffmpeg would speak by itself."""
    (tmp_path / "key.ts").write_bytes(bytes(range(16)))
    (tmp_path / "key.txt").write_text(f"key.ts\n{tmp_path}/key.ts\n")
    media.ffmpeg("-i", canary.clip, "-c", "copy", "-hls_key_info_file", tmp_path / "key.txt", "-f", "hls", tmp_path / "source.m3u8")
    without_options(monkeypatch, "format", "format_whitelist", *taken_away)
    with without(*OPEN):
        assert examine(tmp_path / "source.m3u8", ("thumbnail",), facts=DECEIVED["mp4"]).outcome == outcome
