from pathlib import Path

import pytest
from PIL import Image

from functions.media.whole import is_cut_short
from tests.media import clip, still, truncated

CONTAINERS = {"a.mp4": "mp4", "a.mkv": "matroska", "a.webm": "webm", "a.avi": "avi", "a.ts": "mpegts"}
CODECS = {"a.webm": "vp8", "a.avi": "mpeg4"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_whole_files_and_cut_ones(tmp_path: Path, name: str) -> None:
    source = clip(tmp_path / name, seconds=0.4, size_px=(160, 120), codec=CODECS.get(name, "h264"))  # type: ignore[arg-type]
    container = CONTAINERS[name]
    assert not is_cut_short(source, container)
    size = source.stat().st_size
    for lost in (5, size // 2, size - 100):
        cut = tmp_path / f"cut-{lost}"
        cut.write_bytes(source.read_bytes()[: size - lost])
        assert is_cut_short(cut, container), f"{lost} bytes lost"


def box(kind: bytes, size: int, body: bytes = b"") -> bytes:
    return size.to_bytes(4, "big") + kind + body


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        (box(b"ftyp", 16, bytes(8)) + box(b"mdat", 0, bytes(50)), False),  # 0: to the end of the file
        (box(b"ftyp", 16, bytes(8)) + box(b"mdat", 1, (40).to_bytes(8, "big") + bytes(24)), False),  # 64-bit length, header and all
        (box(b"ftyp", 16, bytes(8)) + box(b"mdat", 1, (41).to_bytes(8, "big") + bytes(24)), True),
        (box(b"ftyp", 16, bytes(8)) + box(b"\0\0\0\0", 900), False),  # rubbish behind it
        (box(b"ftyp", 16, bytes(8)) + box(b"free", 4) * 9, False),  # a length that no box can have
        (b"", False),
    ],
)
def test_mp4_boxes(tmp_path: Path, data: bytes, cut: bool) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    assert is_cut_short(source, "mp4") is cut


def test_a_jpeg_whose_end_is_zeros(tmp_path: Path) -> None:
    whole = still(tmp_path / "whole.jpg").read_bytes()
    half = len(whole) // 2
    files = {"whole": whole, "padded": whole + bytes(100), "zeros": whole[:half] + bytes(half), "no end": whole[:-2]}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert [name for name in files if is_cut_short(tmp_path / name, "jpeg")] == ["zeros"]  # without an end alone, all of it is there


def test_zeros_prove_nothing_of_a_webp(tmp_path: Path) -> None:
    """Why there is no such rule for WebP: a sound picture of one colour ends in zeros."""
    Image.new("RGB", (4000, 3000), (128, 128, 128)).save(tmp_path / "flat.webp")
    assert (tmp_path / "flat.webp").read_bytes().endswith(bytes(500))
    assert not is_cut_short(tmp_path / "flat.webp", "webp")


def test_a_live_recording_has_no_length(tmp_path: Path) -> None:
    ebml, segment = bytes.fromhex("1a45dfa3 80"), bytes.fromhex("18538067 01ffffffffffffff")
    source = tmp_path / "source"
    source.write_bytes(ebml + segment + bytes(100))
    assert not is_cut_short(source, "webm")
    source.write_bytes(ebml + segment[:4] + bytes.fromhex("0100000000000065") + bytes(100))  # 101 bytes, 100 are there
    assert is_cut_short(source, "webm")


def test_blu_ray_packets_have_192_bytes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    packet = bytes(4) + b"\x47" + bytes(187)
    source.write_bytes(packet * 3)
    assert not is_cut_short(source, "mpegts")
    source.write_bytes(packet * 2 + packet[:50])
    assert is_cut_short(source, "mpegts")


def test_nothing_is_known_of_others(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", seconds=0.2, size_px=(160, 120))
    assert not is_cut_short(truncated(source, tmp_path / "cut"), "mp3")
