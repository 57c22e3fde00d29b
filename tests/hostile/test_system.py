"""Hostile and sound files through the running system, all at once: each hostile one is rejected in words, each sound one done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import media
from tests.acceptance.system import System
from tests.hostile import bombs
from tests.hostile.canary import Canary
from tests.hostile.damage import truncations
from tests.hostile.playlists import ATTACKS, written
from tests.hostile.test_disguises import page_and_clip

TOGETHER: dict[str, tuple[Callable[[Path], object], str]] = {
    "pixels.jpg": (bombs.jpeg_of_65000, "limit"),
    "scans.jpg": (bombs.jpeg_of_many_scans, "limit"),
    "pixels.png": (bombs.png_of_88_megapixels, "limit"),
    "tiff.jpg": (bombs.tiff_of_900_megapixels, "limit"),
    "duration.mp4": (bombs.mp4_of_1000_hours, "limit"),
    "pixels.mkv": (bombs.mkv_of_144_megapixels, "limit"),
    "streams.mp4": (bombs.mp4_of_20_streams, "limit"),
    "samples.mp4": (bombs.mp4_of_endless_samples, "bad-input"),
    "cut.mp4": (lambda path: _cut(media.clip(path, seconds=0.4)), "bad-input"),
    "cut.jpg": (lambda path: _cut(media.still(path)), "bad-input"),
    "nothing.png": (lambda path: path.write_bytes(bytes(4096)), "bad-input"),
    "page.mp4": (lambda path: page_and_clip(path.parent).rename(path), "unsupported"),
}


def _cut(path: Path) -> None:
    path.write_bytes(next(truncations(path.read_bytes(), 1, path.name)))


def test_a_batch(system: System, canary: Canary, tmp_path: Path) -> None:
    expected: dict[Path, str | None] = {}
    for number, (name, (build, ends)) in enumerate(TOGETHER.items()):
        build(tmp_path / name)
        sound = media.still(tmp_path / f"sound-{number}.jpg") if number % 2 else media.clip(tmp_path / f"sound-{number}.mp4", seconds=0.4)
        expected |= {tmp_path / name: ends, sound: None}
    for name, build_playlist in _playlists():
        expected |= {written(tmp_path, f"{name}.{suffix}", build_playlist(canary)): "unsupported" for suffix in ("mp4", "jpg")}
    canary.opened()  # by building them
    sent = {system.upload(path, ("none",) if ends else ("thumbnail",)): (path, ends) for path, ends in expected.items()}
    for media_id, (path, ends) in sent.items():
        judged = system.judged(media_id, 120)
        if ends is None:
            assert judged["state"] == "accepted", path.name
            assert system.job_of(media_id)["state"] == "done", path.name
        else:
            assert (judged["state"], judged["error"]["class"]) == ("rejected", ends), (path.name, judged)
            assert str(tmp_path) not in judged["error"]["message"]
    canary.assert_silent()
    assert system.call("GET", "/stats")["dead_letters"] == 0


def _playlists() -> list[tuple[str, Callable[[Canary], bytes]]]:
    """Those that are no movie besides."""
    return [(name.replace(" ", "-"), build) for name, build in ATTACKS.items() if name != "reference movie"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0b.jpg", "x" * 5000 + ".jpg", "<script>.jpg", "..", "a/b\\c.jpg", "\u202egpj.exe"])
def test_a_name_never_becomes_a_path(system: System, tmp_path: Path, name: str) -> None:
    data = media.still(tmp_path / "a.jpg").read_bytes()
    body = {"file": (name, data, "image/jpeg")}
    answer = system.http.request("POST", system.gateway + "/media?operations=none", fields=body)
    assert answer.status == 201, answer.data
    document = answer.json()
    assert document["object_key"].startswith(f"media/{document['media_id']}")
    assert not [sign for sign in ("..", "\\", "\0", "<") if sign in document["object_key"]]
    assert len(document["filename"]) <= 255
