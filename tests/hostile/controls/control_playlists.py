"""Controls: the attacks that this ffmpeg does not fall for by itself. With what it takes given to it, they do what they are made for."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from functions.media import ffmpeg as ffmpeg_module
from tests.hostile.canary import Canary
from tests.hostile.controls.control_media import without_options
from tests.hostile.controls.control_protocols import OPEN, allowing
from tests.hostile.judge import examine
from tests.hostile.playlists import ATTACKS, written
from tests.hostile.test_playlists import DECEIVED
from tests.hostile.wiring import without


def with_options(monkeypatch: pytest.MonkeyPatch, **added: str | int) -> None:
    """FFmpeg's options on its input, and these before them."""
    whole = ffmpeg_module.input_options

    def more(*arguments: Any, **named: Any) -> dict[str, Any]:
        return {**added, **whole(*arguments, **named), **({"format": added["format"]} if "format" in added else {})}

    monkeypatch.setattr(ffmpeg_module, "input_options", more)


@pytest.mark.parametrize(("drefs", "left", "read"), [(True, "", True), (True, "landlock", False), (False, "", False)])
def test_a_reference_movie_is_followed_where_ffmpeg_is_told_to(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, drefs: bool, left: str, read: bool
) -> None:
    """The demuxer is the right one, and `file` the protocol: what holds is that nobody asks for references, and Landlock."""
    source = written(tmp_path, "source.mov", ATTACKS["reference movie"](canary))
    if drefs:
        with_options(monkeypatch, enable_drefs=1, use_absolute_path=1)
    canary.opened()
    with without(*({"landlock"} - {left})):
        examine(source, ("thumbnail",), facts=DECEIVED["mp4"])
    assert (canary.opened() > 0) is read


@pytest.mark.parametrize(("protocols", "listens"), [("file", False), ("file,rtp,udp,tcp", True)])
def test_a_session_description_has_ffmpeg_listen_where_the_whitelist_lets_it(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, protocols: str, listens: bool
) -> None:
    """FFmpeg calls nobody for it: it opens a UDP port for whoever sends, and waits for ten seconds."""
    source = written(tmp_path, "source.sdp", ATTACKS["sdp"](canary))
    socket_of_its_own, seen, over = f":{int(canary.url.rsplit(':', 1)[1]):04X} ", [], threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(socket_of_its_own in Path("/proc/net/udp").read_text())
            time.sleep(0.01)

    looking = threading.Thread(target=look)
    without_options(monkeypatch, "format", "format_whitelist")
    allowing(monkeypatch, protocols)
    looking.start()
    with without(*OPEN):
        examine(source, ("thumbnail",), facts=DECEIVED["mp4"])
    over.set()
    looking.join(10)
    assert any(seen) is listens
    assert canary.called() == 0


DRAWING = ("<text>&x;</text>", "")
"""The attack's entity, which librsvg does not know and stumbles over, is taken out."""


@pytest.mark.parametrize(("left", "outcome"), [((), "done"), (("format_whitelist",), "bad-input"), (("codec_whitelist",), "bad-input")])
def test_a_drawing_is_decoded_where_neither_whitelist_is(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, left: tuple[str, ...], outcome: str
) -> None:
    """And reads nothing: librsvg gets bytes without an address, and a drawing without one may refer to none. So nothing is to be seen
    of its pictures, and only the entity is refused in words.
    """
    source = written(tmp_path, "source.svg", ATTACKS["svg"](canary).replace(*(part.encode() for part in DRAWING)))
    with_options(monkeypatch, format="svg_pipe")
    without_options(monkeypatch, *({"format_whitelist", "codec_whitelist"} - set(left)))
    canary.opened()
    with without(*OPEN):
        assert examine(source, ("thumbnail",), facts=DECEIVED["mp4"]).outcome == outcome
    canary.assert_silent()
