"""Is all of a file there? Judged by what its container says of its own length; no packet is read and nothing is decoded.

A demuxer ends quietly where a file ends, so a file that was cut must be told by arithmetic. What cannot be told here: MPEG-TS and
Matroska without a length (recordings may stop anywhere), fragmented MP4 cut between two fragments, Ogg cut between two pages. Nor a file
that has its length but zeros for its end, as copies that broke off leave them: of stills only JPEG is told here; PNG, GIF and compressed
TIFF fail in their decoders. Zeros are black to BMP and plain TIFF, and a sound WebP of one colour ends in them, too.
"""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_MP4_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"moof", b"sidx", b"mfra", b"free", b"skip", b"wide", b"uuid", b"meta", b"udta", b"emsg"}
)
_MAX_BOXES = 200_000  # 24 hours of fragments of a second, sidx and all
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_TS_SYNC = 0x47
_NEVER_FILLED_IN = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})  # RIFF lengths of recorders that could not seek back
_LONGEST_OGG_PAGE = 65307
_ZEROS = 16


def is_cut_short(source: Path, container: str) -> bool:
    """True if the file ends before its container says that it does.

    Args:
        container: as in `MediaFacts.container`; of one with no rule here nothing is known, so False.

    Raises:
        OSError: it cannot be read.
    """
    rule = _RULES.get(container)
    if rule is None:
        return False
    with source.open("rb") as file:
        return rule(file, os.fstat(file.fileno()).st_size)


def _jpeg(file: BinaryIO, size: int) -> bool:
    """Zeros at the end and no End of Image (ITU-T T.81, B.1.1.3) behind the last scan: a decoder takes zeros for coded data."""
    if _read(file, max(0, size - _ZEROS), _ZEROS) != bytes(_ZEROS):
        return False
    data = _read(file, 0, size)
    return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")


def _mp4(file: BinaryIO, size: int) -> bool:
    """A box's end past the file's. Bytes that are no known box are trailing rubbish (ISO/IEC 14496-12, 4.2)."""
    return any(end > size for end in _mp4_ends(file, size))


def _mp4_ends(file: BinaryIO, size: int) -> Iterator[int]:
    at = 0
    for _ in range(_MAX_BOXES):
        header = _read(file, at, 16)
        if len(header) < 8 or header[4:8] not in _MP4_BOXES:
            return
        length = int.from_bytes(header[:4], "big")
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:], "big")
        if length < 8:  # 0: to the end of the file, wherever that is
            return
        at += length
        yield at
        if at >= size:
            return


def _matroska(file: BinaryIO, size: int) -> bool:
    """The Segment's end past the file's (RFC 8794: a size of all ones is unknown)."""
    at = 0
    for wanted in (_EBML, _SEGMENT):
        head = _read(file, at, 12)
        if len(head) < 12 or int.from_bytes(head[:4], "big") != wanted or head[4] == 0:
            return False
        octets = 9 - head[4].bit_length()
        value = int.from_bytes(head[4 : 4 + octets], "big") & ((1 << 7 * octets) - 1)
        unknown = value == (1 << 7 * octets) - 1
        at += 4 + octets + value
    return not unknown and at > size


def _riff(file: BinaryIO, size: int) -> bool:
    """A RIFF chunk's end past the file's; OpenDML has several."""
    at = 0
    while len(header := _read(file, at, 8)) == 8 and header[:4] == b"RIFF":
        (length,) = struct.unpack("<I", header[4:])
        if length in _NEVER_FILLED_IN:
            return False
        at += 8 + length + length % 2
        if at > size + 1:  # the last padding byte is often left out
            return True
    return False


def _mpegts(file: BinaryIO, size: int) -> bool:
    """A last packet that is not whole: packets of 188 bytes, or 192 with the time code of an M2TS before each."""
    head = _read(file, 0, 5)
    if len(head) == 5 and head[0] != _TS_SYNC and head[4] == _TS_SYNC:
        return size % 192 != 0
    return size % 188 != 0


def _ogg(file: BinaryIO, size: int) -> bool:
    """A last page that is not whole (RFC 3533, section 6)."""
    tail = _read(file, max(0, size - 2 * _LONGEST_OGG_PAGE), 2 * _LONGEST_OGG_PAGE)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return 27 + page[26] + sum(page[27 : 27 + page[26]]) > len(page)


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


_RULES: dict[str, Callable[[BinaryIO, int], bool]] = {
    "jpeg": _jpeg,
    "mp4": _mp4,
    "matroska": _matroska,
    "webm": _matroska,
    "avi": _riff,
    "wav": _riff,
    "webp": _riff,
    "avif": _mp4,
    "ogg": _ogg,
    "mpegts": _mpegts,
}
