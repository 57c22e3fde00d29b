"""Files that are two things, or not what they are called, or nothing; and what they say besides stays out of every artifact."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import media
from tests.hostile.judge import CLEAR, examine

MARK = b"<script>darkroom-polyglot</script>"
ZIP = b"PK\x03\x04" + bytes(26) + MARK + b"PK\x05\x06" + bytes(18)
GPS = "+28.5729-080.6490/"
STILLS = ("a.jpg", "a.png", "a.webp", "a.avif", "a.tiff")


def _behind(source: Path, more: bytes) -> Path:
    source.write_bytes(source.read_bytes() + more)
    return source


def _before(source: Path, more: bytes) -> Path:
    source.write_bytes(more + source.read_bytes())
    return source


def jpeg_and_zip(folder: Path) -> Path:
    return _behind(media.still(folder / "a.jpg"), ZIP)


def png_and_page(folder: Path) -> Path:
    return _behind(media.still(folder / "a.png"), MARK)


def gif_and_script(folder: Path) -> Path:
    """GIF89a/*…*/=1;alert(): the width and height are the comment's beginning."""
    path = media.still(folder / "a.gif")
    data = path.read_bytes()
    path.write_bytes(data[:6] + b"/*" + data[8:] + b"*/=1;" + MARK)
    return path


def jpeg_and_page_in_its_comment(folder: Path) -> Path:
    path = media.still(folder / "a.jpg")
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK + data[2:])
    return path


def clip_and_page(folder: Path) -> Path:
    """A free box in front of all others: what an HTML parser skips to."""
    path = media.clip(folder / "a.mp4", seconds=0.4, faststart=True)
    data = path.read_bytes()
    size = int.from_bytes(data[:4], "big")
    box = (len(MARK) + 8).to_bytes(4, "big") + b"free" + MARK
    path.write_bytes(data[:size] + box + data[size:])
    return path


def matroska_and_zip(folder: Path) -> Path:
    return _behind(media.clip(folder / "a.mkv", seconds=0.4), ZIP)


def document_and_jpeg(folder: Path) -> Path:
    return _before(media.still(folder / "a.jpg"), b"%PDF-1.4\n" + MARK + b"\nstream\n")


def page_and_clip(folder: Path) -> Path:
    return _before(media.clip(folder / "a.mp4", seconds=0.4), b"<html>" + MARK)


@pytest.mark.parametrize(
    ("build", "outcomes"),
    [
        (jpeg_and_zip, {"done"}),
        (png_and_page, {"done"}),
        (gif_and_script, {"done", *CLEAR}),
        (jpeg_and_page_in_its_comment, {"done"}),
        (clip_and_page, {"done", *CLEAR}),
        (matroska_and_zip, {"done", *CLEAR}),
        (document_and_jpeg, {"unsupported"}),
        (page_and_clip, {"unsupported"}),
    ],
)
def test_a_file_that_is_two_things_is_what_its_first_bytes_say(tmp_path: Path, build: Callable[[Path], Path], outcomes: set[str]) -> None:
    source = build(tmp_path)
    assert MARK in source.read_bytes()
    assert examine(source, ("thumbnail", "transcode"), keep=tmp_path / "out").outcome in outcomes
    assert not [path for path in (tmp_path / "out").rglob("*.*") if MARK in path.read_bytes()]


@pytest.mark.parametrize("called", ["a.mp4", "a.txt", "a.html", "a.svg", "a", "a.jpg.exe"])
@pytest.mark.parametrize("really", ["jpg", "mkv"])
def test_a_name_decides_nothing(tmp_path: Path, called: str, really: str) -> None:
    made = media.still(tmp_path / "made.jpg") if really == "jpg" else media.clip(tmp_path / "made.mkv", seconds=0.4)
    assert examine(made.rename(tmp_path / called)).outcome == "done"


NEXT_TO_NOTHING = {
    "nothing": b"",
    "a zero": b"\0",
    "zeros": bytes(1 << 20),
    "JPEG": b"\xff\xd8\xff",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "GIF": b"GIF89a",
    "WebP": b"RIFF\0\0\0\0WEBP",
    "TIFF": b"II*\0\xff\xff\xff\xff",
    "MP4": b"\0\0\0\x10ftypisom\0\0\0\0",
    "Matroska": b"\x1a\x45\xdf\xa3",
    "Ogg": b"OggS",
    "FLAC": b"fLaC",
    "ID3": b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
    "MPEG-TS": b"G" * 188 * 4,
    "AVI": b"RIFF\xff\xff\xff\xffAVI ",
}


@pytest.mark.parametrize("data", NEXT_TO_NOTHING.values(), ids=NEXT_TO_NOTHING)
def test_next_to_nothing_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    verdict = examine(tmp_path / "a.jpg")
    assert verdict.outcome in ("bad-input", "unsupported")
    assert verdict.message


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_size_that_changes_on_the_way_changes_no_rendition(tmp_path: Path, suffix: str) -> None:
    source = media.size_change_clip(tmp_path / f"a.{suffix}", ((320, 180), (160, 90), (96, 200)), frames_each=10)
    verdict = examine(source, ("thumbnail", "transcode", "embed"), keep=tmp_path / "out")
    assert verdict.outcome == "done"
    made = media.stream_info(tmp_path / "out" / "transcode" / "video.mp4")
    assert (made.width_px, made.height_px) == (320, 180)


def located_clip(path: Path) -> Path:
    """A second with a place, a title, a chapter, a second sound, subtitles: all SECRET or GPS."""
    media.crowded_clip(path.with_name("crowded.mkv"))
    words = ("-metadata", f"location={GPS}", "-metadata", f"location-eng={GPS}", "-metadata", f"comment={media.SECRET.decode()}")
    streams = ("-map", "0:v", "-map", "0:a", "-c", "copy", "-map_metadata", "0")
    media.ffmpeg("-i", path.with_name("crowded.mkv"), *streams, *words, path)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif", "a.tiff", "a.mp4", "a.mov", "a.mkv"])
def test_no_place_and_no_word_gets_into_an_artifact(tmp_path: Path, name: str) -> None:
    source = (media.located_still if name in STILLS else located_clip)(tmp_path / name)
    assert media.place_in(source)  # or there would be nothing to lose
    assert media.SECRET in source.read_bytes()
    assert examine(source, ("thumbnail", "transcode", "embed"), keep=tmp_path / "out").outcome == "done"
    artifacts = [path for path in (tmp_path / "out").rglob("*.*") if path.is_file()]
    assert {path.suffix for path in artifacts} == ({".webp", ".npy"} if name in STILLS else {".webp", ".npy", ".mp4"})
    said = (media.SECRET, GPS.encode(), b"28.57", b"28,34", b"GPS", b"loci", b"\xa9xyz", b"Exif", b"EXIF", b"xmpmeta", b"XMP ")
    assert [(path.name, words) for path in artifacts for words in said if words in path.read_bytes()] == []
    assert [media.place_in(path) for path in artifacts if path.suffix != ".npy"] == [""] * (len(artifacts) - 1)
