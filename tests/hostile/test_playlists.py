"""Files that name other files: nobody opens those, nobody calls, whatever the name and whatever probe was made to say."""

import socket
from pathlib import Path

import pytest

from schemas.facts import Kind, MediaFacts
from tests.hostile.canary import SECRET, Canary
from tests.hostile.judge import CLEAR, examine
from tests.hostile.playlists import ATTACKS, written

UNPROVEN = {"width_px": 64, "height_px": 64, "sha256": "0" * 64, "bytes": 1}
MOVIE = {"duration_ms": 2000, "frames": 10, "frame_rate": 5, "video_codec": "h264"}
DECEIVED = {
    "mp4": MediaFacts.model_validate({"kind": Kind.VIDEO, "container": "mp4", **MOVIE, **UNPROVEN}),
    "jpeg": MediaFacts.model_validate({"kind": Kind.IMAGE, "container": "jpeg", **UNPROVEN}),
}
"""What probe would have said, had it been deceived."""


@pytest.mark.parametrize("suffix", ["mp4", "jpg"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_probe_refuses_it_and_touches_nothing(tmp_path: Path, canary: Canary, attack: str, suffix: str) -> None:
    source = written(tmp_path, f"attack.{suffix}", ATTACKS[attack](canary))
    canary.opened()  # building may have
    verdict = examine(source, ("thumbnail", "transcode", "embed"))
    if attack == "reference movie":  # it is a movie: whatever becomes of it, what it refers to is left alone
        assert verdict.outcome in ("done", *CLEAR)
    else:
        assert (verdict.outcome, verdict.ended) == ("unsupported", "probe")
        assert verdict.message.startswith("This is a")
    canary.assert_silent()


@pytest.mark.parametrize(
    ("container", "operation"),
    [("mp4", "thumbnail"), ("mp4", "transcode"), ("mp4", "embed"), ("jpeg", "thumbnail"), ("jpeg", "embed")],
)
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_operation_is_deceived_where_probe_was(tmp_path: Path, canary: Canary, attack: str, container: str, operation: str) -> None:
    source = written(tmp_path, "source", ATTACKS[attack](canary))
    canary.opened()
    verdict = examine(source, (operation,), facts=DECEIVED[container], keep=tmp_path / "out")
    if attack != "reference movie" or container != "mp4":
        assert verdict.outcome in CLEAR
    canary.assert_silent()
    for made in (tmp_path / "out").rglob("*"):
        assert made.is_dir() or SECRET not in made.read_bytes()


def test_the_canary_tells(canary: Canary) -> None:
    """Control: a file that is opened and a listener that is called are noticed."""
    canary.assert_silent()
    canary.text.read_bytes()
    assert canary.opened() > 0
    with socket.create_connection(("127.0.0.1", int(canary.url.rsplit(":", 1)[1])), timeout=10) as caller:
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert caller.recv(8) == b"HTTP/1.0"
    assert canary.called() == 1
