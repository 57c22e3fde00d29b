"""Proof that a file was cut short, from the sizes that its own container promises. It reads headers of a few bytes and believes none of them.

What promises nothing (a live Matroska, MPEG-TS, an `mdat` to the end of the file) is left to the count of packets.
"""

import os
from pathlib import Path
from typing import BinaryIO

_MAX_BOXES = 10_000
_OPEN_ENDED = frozenset({0, 0xFFFFFFFF, 0xFFFFFFFF - 8, 0x7FFFFFFF})  # what recorders write that cannot seek back


def cut_short(path: Path, container: str) -> bool:
    """Does the file end before its container says that it does?

    Args:
        container: a name of `MediaFacts.container`; of one without such a promise nothing is proven.

    Raises:
        OSError: the file cannot be read.
    """
    proof = {"mp4": _boxes, "avif": _boxes, "avi": _riff, "wav": _riff, "webp": _riff, "matroska": _segment, "webm": _segment, "ogg": _page}
    size = path.stat().st_size
    with path.open("rb") as file:
        return container in proof and proof[container](file, size)


def _boxes(file: BinaryIO, size: int) -> bool:
    """ISO media: top-level boxes, one behind the other (ISO/IEC 14496-12, 4.2)."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        header = file.read(16)
        if not header:
            return False
        if len(header) < 8:
            return bool(header.strip(b"\0"))  # padding of zeros is common
        length = int.from_bytes(header[:4], "big")
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:], "big")
        if length == 0 or not header[4:8].isascii():
            return False  # to the end of the file, or something that is no box
        if length < 8 or at + length > size:
            return length >= 8
        at += length
    return False


def _riff(file: BinaryIO, size: int) -> bool:
    header = file.read(8)
    promised = int.from_bytes(header[4:8], "little")
    return header[:4] == b"RIFF" and promised not in _OPEN_ENDED and promised + 8 > size + 1  # 1: a pad byte that was left out


def _segment(file: BinaryIO, size: int) -> bool:
    """Matroska: the segment behind the EBML header (RFC 8794, sections 4 and 6)."""
    file.seek(4)
    header = _variable(file)
    if header is None:
        return False
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return False
    length = _variable(file)
    return length is not None and file.tell() + length > size


def _variable(file: BinaryIO) -> int | None:
    """An EBML variable-size integer; None for the unknown size, and for none at all."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    rest = file.read(width - 1)
    value = int.from_bytes(bytes([first[0] & (0xFF >> width)]) + rest, "big")
    return None if len(rest) < width - 1 or value == (1 << 7 * width) - 1 else value


def _page(file: BinaryIO, size: int) -> bool:
    """Ogg: the last page's own length (RFC 3533, section 6)."""
    start = max(0, size - 2 * 65307)  # the longest page
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    if len(page) < 27:
        return at >= 0
    table = page[27 : 27 + page[26]]
    return len(table) < page[26] or 27 + len(table) + sum(table) > len(page)
