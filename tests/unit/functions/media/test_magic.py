"""Each kind of file by its first bytes: real ones for what is taken, signatures for what is not."""

import subprocess
from pathlib import Path

import pytest

from functions.media.ffmpeg import NOTHING, Target, command, ffmpeg, input_options
from functions.media.formats import CONTAINERS, DECODERS, MediaLimits
from functions.media.magic import identify, identify_head
from tests.media import clip, sound_file, still


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "avif", "bmp", "tiff"])
def test_stills_are_told_whatever_their_name(tmp_path: Path, suffix: str) -> None:
    picture = still(tmp_path / f"picture.{suffix}").rename(tmp_path / "picture.mp4")
    assert identify(picture).container == {"jpg": "jpeg"}.get(suffix, suffix)


@pytest.mark.parametrize(
    ("suffix", "container"),
    [("mp4", "mp4"), ("mov", "mp4"), ("mkv", "matroska"), ("webm", "webm"), ("ts", "mpegts"), ("avi", "avi")],
)
def test_clips_are_told(tmp_path: Path, suffix: str, container: str) -> None:
    codec = {"webm": "vp9", "avi": "mpeg4"}.get(suffix, "h264")
    assert identify(clip(tmp_path / f"c.{suffix}", seconds=0.4, codec=codec)).container == container  # type: ignore[arg-type]


@pytest.mark.parametrize(("suffix", "container"), [("mp3", "mp3"), ("wav", "wav"), ("flac", "flac"), ("ogg", "ogg"), ("m4a", "mp4")])
def test_sound_is_told(tmp_path: Path, suffix: str, container: str) -> None:
    assert identify(sound_file(tmp_path / f"s.{suffix}", seconds=0.4)).container == container


def test_mp3_is_found_behind_a_large_tag_and_without_one(tmp_path: Path) -> None:
    tagged = sound_file(tmp_path / "s.mp3", seconds=0.4, cover=True).read_bytes()
    bare = sound_file(tmp_path / "bare.mp3", seconds=0.4).read_bytes()
    at = bare.index(b"\xff\xfb")
    (tmp_path / "no-tag").write_bytes(bare[at:])
    (tmp_path / "long-tag").write_bytes(b"ID3\x04\0\0\0\x04\0\0" + bytes(4 << 14 >> 0)[: 4 << 14] + bare[at:])
    assert tagged.startswith(b"ID3")
    assert {identify(tmp_path / name).container for name in ("s.mp3", "no-tag", "long-tag")} == {"mp3"}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a drawing -->\n<svg>", "SVG"),
        (b"<?xml version='1.0'?><MPD>", "DASH"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "HLS"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "ffconcat"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\xc5\xd0\xd3\xc6\0\0", "EPS"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"PK\x03\x04", "ZIP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "Canon"),
        (b"II*\0\x10\0\0\0CR\x02\0", "Canon"),
        (b"<!DOCTYPE html><html><script>", "HTML"),
        (b"hello, world\n", "text"),
        ("Grüße\n".encode("utf-16"), "text"),
        (b"", "empty"),
        (bytes(4096), "zeros"),
        (b"\x01\x02\x03\x04", "no kind"),
        (b"G" * 100, "text"),
        (b"RIFF\0\0\0\0ACON", "RIFF"),
        (b"BM is how this letter begins, and no picture", "text"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
    ],
)
def test_what_is_not_taken_is_named(head: bytes, words: str) -> None:
    found = identify_head(head)
    assert found.container is None
    assert words in found.label


def test_a_polyglot_is_what_it_begins_as() -> None:
    assert identify_head(b"GIF89a/*" + b"<svg onload=alert(1)>").container == "gif"
    assert identify_head(b"<svg>" + b"\xff\xd8\xff").container is None


def test_avif_by_its_compatible_brands() -> None:
    assert identify_head(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf").container == "avif"


def test_every_forced_demuxer_and_decoder_exists_in_this_ffmpeg() -> None:
    def names(what: str) -> set[str]:
        listed = subprocess.run([ffmpeg(), "-v", "error", f"-{what}"], capture_output=True, text=True, check=True).stdout
        return {name for line in listed.splitlines() if len(line.split()) > 1 for name in line.split()[1].split(",")}

    assert {c.demuxer for c in CONTAINERS.values() if c.demuxer} <= names("demuxers")
    assert set(DECODERS) <= names("decoders")


@pytest.mark.parametrize("playlist", ["#EXTM3U\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {0}\n"])
def test_the_forced_demuxer_reads_no_playlist(tmp_path: Path, playlist: str) -> None:
    inner = clip(tmp_path / "inner.ts", seconds=0.4)
    (tmp_path / "list.mp4").write_text(playlist.format(inner.name))
    undefended = ["-f", "hls", "-allowed_extensions", "ALL"] if "EXTM3U" in playlist else ["-f", "concat"]

    def reads(argv: list[str]) -> bool:
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    assert reads([ffmpeg(), *undefended, "-i", "list.mp4", "-map", "0:v", "-f", "null", "-"])  # the control: it would be read
    assert not reads(command("mp4", Path("list.mp4"), [Target(path="-", streams=["v"], options=NOTHING)]))


def test_stills_have_no_demuxer() -> None:
    with pytest.raises(KeyError):
        input_options("png")


def test_limits_are_settings() -> None:
    assert MediaLimits.from_environment({"MEDIA_MAX_STILL_PIXELS": "1000"}).max_still_pixels == 1000
    assert MediaLimits.from_environment({}) == MediaLimits()
    for wrong in ("0", "-1", "many", "1.5", ""):
        with pytest.raises(ValueError, match="MEDIA_MAX_STREAMS"):
            MediaLimits.from_environment({"MEDIA_MAX_STREAMS": wrong})
