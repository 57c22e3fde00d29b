"""What a file is, by its first bytes. Neither its name nor its declared type is asked, and nothing is decoded.

Only what stands at the beginning counts (an ID3 tag may come before MP3 and FLAC), so that a file which is two things at once is the one
that its forced reader will see. What is not taken is named all the same, so that a sentence can say what it is.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a file is. `container` names one that is taken, or is None; `label` goes into a sentence after "is"."""

    container: str | None
    label: str
    content_type: str | None = None  # where one container has two of them


_TAKEN = {
    b"\xff\xd8\xff": ("jpeg", "a JPEG picture"),
    b"\x89PNG\r\n\x1a\n": ("png", "a PNG picture"),
    b"GIF87a": ("gif", "a GIF picture"),
    b"GIF89a": ("gif", "a GIF picture"),
    b"II*\0": ("tiff", "a TIFF picture"),
    b"MM\0*": ("tiff", "a TIFF picture"),
    b"OggS": ("ogg", "an Ogg file"),
    b"fLaC": ("flac", "a FLAC file"),
}
_RIFF = {b"WEBP": ("webp", "a WebP picture"), b"WAVE": ("wav", "a WAV file"), b"AVI ": ("avi", "an AVI file")}
_NOT_TAKEN = {
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"\xc5\xd0\xd3\xc6": "an EPS document",
    b"8BPS": "a Photoshop document",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\0": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x7fELF": "a program",
    b"MZ": "a Windows program",
    b"#EXTM3U": "an HLS playlist",
    b"ffconcat": "an ffconcat playlist",
    b"[playlist]": "a playlist",
    b"FLV\x01": "a Flash video",
    b"FWS": "a Flash movie",
    b"CWS": "a Flash movie",
    b"0&\xb2u\x8ef\xcf\x11": "a Windows Media file",
    b".RMF": "a RealMedia file",
    b"\0\0\x01\xba": "an MPEG program stream",
    b"\0\0\x01\xb3": "a bare MPEG video stream",
    b"\0\0\0\x01": "a bare video stream",
    b"MThd": "a MIDI file",
    b"#!AMR": "an AMR recording",
    b"caff": "a Core Audio file",
    b".snd": "an AU file",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"\0\0\x01\0": "an icon",
    b"\x76\x2f\x31\x01": "an OpenEXR picture",
    b"#?RADIANCE": "a Radiance picture",
    b"SQLite format 3\0": "a database",
    b"#!": "a script",
}
_MARKUP = {b"<svg": "an SVG drawing", b"<mpd": "a DASH manifest", b"<html": "an HTML page", b"<!doctype html": "an HTML page"}
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"})
_AVIF = frozenset({b"avif", b"avis"})
_OTHER_BRANDS = {b"crx ": "a Canon raw picture", b"jp2 ": "a JPEG 2000 picture", b"jxl ": "a JPEG XL picture"}
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))  # plain, with a time stamp (M2TS), with error correction


def identify(path: Path) -> Identity:
    """What the file at `path` is.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if head.startswith(b"ID3") and len(head) >= 10:
            return _after_id3(file, head)
    return identify_head(head)


def identify_head(head: bytes) -> Identity:
    """The same for a file's first `HEAD_BYTES`, without a look behind an ID3 tag."""
    for magic, (container, label) in _TAKEN.items():
        if head.startswith(magic):
            if container == "tiff" and head[8:10] == b"CR":
                return Identity(container=None, label="a Canon raw picture")
            return Identity(container=container, label=label)
    found = _riff(head) or _boxes(head) or _ebml(head) or _transport_stream(head) or _bmp(head) or _mpeg_audio(head)
    return found or Identity(container=None, label=_named(head))


def _riff(head: bytes) -> Identity | None:
    if head[:4] not in (b"RIFF", b"RF64", b"BW64"):
        return None
    container, label = _RIFF.get(head[8:12], (None, "a RIFF file of an unknown kind"))
    return Identity(container=container, label=label)


def _boxes(head: bytes) -> Identity | None:
    """ISO media files (ISO/IEC 14496-12) and QuickTime, which may lack the file type box."""
    kind = head[4:8]
    if kind in _OLD_QUICKTIME:
        return Identity(container="mp4", label="a QuickTime movie", content_type="video/quicktime")
    if kind == b"styp":
        return Identity(container=None, label="a segment of an MP4 stream")
    if kind != b"ftyp" or len(head) < 16:
        return None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major, brands = head[8:12], {head[at : at + 4] for at in range(16, size - 3, 4)}
    return _branded(major, brands)


def _branded(major: bytes, brands: set[bytes]) -> Identity:
    if major in _AVIF or (major in _HEIF and brands & _AVIF):
        return Identity(container="avif", label="an AVIF picture")
    if major in _HEIF or major in _OTHER_BRANDS:
        return Identity(container=None, label=_OTHER_BRANDS.get(major, "a HEIC or HEIF picture"))
    if major == b"qt  ":
        return Identity(container="mp4", label="a QuickTime movie", content_type="video/quicktime")
    return Identity(container="mp4", label="an MP4 file")


def _ebml(head: bytes) -> Identity | None:
    """Matroska and WebM, by the document type in the EBML header (RFC 8794)."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    at = head.find(b"\x42\x82", 5, 128)
    length = head[at + 2] & 0x7F if 0 < at < len(head) - 2 else 0
    kind = head[at + 3 : at + 3 + length].rstrip(b"\0")
    if kind == b"webm":
        return Identity(container="webm", label="a WebM file")
    if kind == b"matroska":
        return Identity(container="matroska", label="a Matroska file")
    return Identity(container=None, label="an EBML file of an unknown kind")


def _transport_stream(head: bytes) -> Identity | None:
    for packet_bytes, offset in _TS_PACKETS:
        marks = head[offset::packet_bytes]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return Identity(container="mpegts", label="an MPEG transport stream")
    return None


def _bmp(head: bytes) -> Identity | None:
    if not head.startswith(b"BM") or len(head) < 18 or struct.unpack_from("<I", head, 14)[0] not in _BMP_HEADERS:
        return None
    return Identity(container="bmp", label="a BMP picture")


def _mpeg_audio(head: bytes) -> Identity | None:
    """MP3 by two frame headers in a row (ISO/IEC 11172-3, 2.4.1.3); other layers and AAC streams by one."""
    frame = _frame_bytes(head)
    if frame is None:
        return None
    if frame == 0:
        return Identity(container=None, label="a bare MPEG audio stream of another layer, or AAC")
    if len(head) >= frame + 4 and not _frame_bytes(head[frame:]):
        return None
    return Identity(container="mp3", label="an MP3 file")


_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s of MPEG-1 layer III
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of MPEG-2 and 2.5
_RATES_HZ = (44100, 48000, 32000)


def _frame_bytes(head: bytes) -> int | None:
    """The length of the MP3 frame at the beginning, 0 for another layer's or AAC's, None for no frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, bitrate, rate, padding = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if layer != 1:
        return 0 if layer == 2 or head[1] & 0xF6 == 0xF0 else None  # 2: layer II; 0xFFF and layer 0: AAC's ADTS
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    kbits, hz = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate], _RATES_HZ[rate] >> (3 - version if version else 2)
    return (144 if version == 3 else 72) * kbits * 1000 // hz + padding


def _after_id3(file: BinaryIO, head: bytes) -> Identity:
    size = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(size)
    behind = file.read(HEAD_BYTES).lstrip(b"\0")  # padding that the tag did not count
    if behind.startswith(b"fLaC"):
        return Identity(container="flac", label="a FLAC file")
    return _mpeg_audio(behind) or Identity(container=None, label="an ID3 tag with no MP3 behind it")


def _named(head: bytes) -> str:
    for magic, label in _NOT_TAKEN.items():
        if head.startswith(magic):
            return label
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "an AIFF file"
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "nothing but zeros"
    return _markup(head) or ("a text file" if _is_text(head) else "of no kind that we know")


def _markup(head: bytes) -> str | None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_xml = text.startswith((b"<?xml", b"<!doctype svg", b"<!--"))
    for mark, label in _MARKUP.items():
        if text.startswith(mark) or (is_xml and mark in text):
            return label
    return "an XML file" if is_xml else None


def _is_text(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head) and b"\x7f" not in head
