"""Small files that ask for much: pixels, frames, time, streams, scans. Each builder's first line says what is asked for."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.media import ffmpeg, still


@dataclass(frozen=True, kw_only=True)
class Bomb:
    """A file's name, how it is made, and how it may end."""

    name: str
    build: Callable[[Path], object]
    ends: tuple[str, ...] = ("limit",)


def _saved(image: Image.Image, kind: str, **options: object) -> bytearray:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return bytearray(buffer.getvalue())


def _jpeg(size_px: tuple[int, int], claimed_px: tuple[int, int], **options: object) -> bytes:
    data = _saved(Image.new("L", size_px, 128), "JPEG", **options)
    at = next(
        data.index(marker) for marker in (b"\xff\xc2", b"\xff\xc0") if marker in data
    )  # SOF2 or SOF0: length, precision, height, width
    struct.pack_into(">HH", data, at + 5, claimed_px[1], claimed_px[0])
    return bytes(data)


def jpeg_of_65000(path: Path) -> None:
    """4.2 gigapixels in some 500 bytes, progressive: libjpeg would hold all coefficients."""
    path.write_bytes(_jpeg((16, 16), (65000, 65000), progressive=True))


def jpeg_of_many_scans(path: Path) -> None:
    """49 megapixels, which are taken, refined 4,000 times over."""
    data = _jpeg((7000, 7000), (7000, 7000), progressive=True)
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    path.write_bytes(data[:last] + scan * 4000 + data[-2:])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(size_px: tuple[int, int], *chunks: bytes, colour: int = 6, depth: int = 8) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size_px, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IEND", b"")


def _inflating(count: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(count >> 20)]) + packer.flush()


def png_of_88_megapixels(path: Path) -> None:
    """RGBA under Pillow's own bound: 352 MB of pixels in 344 kB."""
    path.write_bytes(_png((11000, 8000), _chunk(b"IDAT", _inflating(11000 * 8000 * 4 + 8000))))


def png_of_4_gigapixels(path: Path) -> None:
    """One bit each, and no data at all."""
    path.write_bytes(_png((65500, 65500), _chunk(b"IDAT", b"x"), colour=0, depth=1))


def png_whose_data_never_end(path: Path) -> None:
    """100 × 100 pixels, and 500 MB inflated behind them."""
    path.write_bytes(_png((100, 100), _chunk(b"IDAT", _inflating(500 << 20))))


def png_with_endless_words(path: Path) -> None:
    """A compressed text of 500 MB."""
    picture = _chunk(b"IDAT", zlib.compress(bytes(101 * 4 * 100)))
    path.write_bytes(_png((100, 100), _chunk(b"zTXt", b"Comment\0\0" + _inflating(500 << 20)), picture))


def png_with_an_endless_profile(path: Path) -> None:
    """A compressed ICC profile of 500 MB."""
    picture = _chunk(b"IDAT", zlib.compress(bytes(101 * 4 * 100)))
    path.write_bytes(_png((100, 100), _chunk(b"iCCP", b"sRGB\0\0" + _inflating(500 << 20)), picture))


def png_of_60000_frames(path: Path) -> None:
    """An animation (APNG) of 60,000 frames of 64 × 64: only the first is anybody's business."""
    pixels = zlib.compress(bytes(64 * (1 + 64)), 9)
    control = struct.pack(">IIIIHHBB", 64, 64, 0, 0, 1, 100, 0, 0)  # size, place, how long, what becomes of it

    def frame(number: int) -> bytes:
        numbers = (struct.pack(">I", 2 * number - 1), struct.pack(">I", 2 * number))  # the first frame has 0, in IDAT
        return _chunk(b"fcTL", numbers[0] + control) + _chunk(b"fdAT", numbers[1] + pixels)

    first = (_chunk(b"acTL", struct.pack(">II", 60_000, 0)), _chunk(b"fcTL", bytes(4) + control), _chunk(b"IDAT", pixels))
    path.write_bytes(_png((64, 64), *first, *map(frame, range(1, 60_000)), colour=0))


def webp_of_60000_frames(path: Path) -> None:
    """The same of WebP."""
    picture = bytes(_saved(Image.new("RGB", (64, 64)), "WEBP", lossless=True)[12:])
    inner = bytes(6) + (63).to_bytes(3, "little") * 2 + (10).to_bytes(3, "little") + b"\0" + picture  # place, size, how long
    frame = b"ANMF" + struct.pack("<I", len(inner)) + inner + bytes(len(inner) % 2)
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + (63).to_bytes(3, "little") * 2
    body = b"WEBP" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * 60_000
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def webp_of_268_megapixels(path: Path) -> None:
    """WebP's largest, 16384 × 16384, in the lossless header of a tiny one."""
    data = _saved(Image.new("RGB", (16, 16)), "WEBP", lossless=True)
    at = data.index(b"VP8L") + 9  # size, signature; then 14 bits each of width and height less one
    bits = int.from_bytes(data[at : at + 4], "little") >> 28 << 28
    data[at : at + 4] = (bits | 16383 << 14 | 16383).to_bytes(4, "little")
    path.write_bytes(data)


def webp_canvas_of_4_gigapixels(path: Path) -> None:
    """An extended header whose canvas is the largest that 32 bits hold."""
    inner = _saved(Image.new("RGB", (16, 16)), "WEBP", lossless=True)[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (65534).to_bytes(3, "little") * 2
    body = b"WEBP" + canvas + bytes(inner)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def gif_of_4_gigapixels(path: Path) -> None:
    """A logical screen of 65535 × 65535 around one pixel."""
    data = _saved(Image.new("P", (1, 1)), "GIF")
    struct.pack_into("<HH", data, 6, 65535, 65535)
    path.write_bytes(data)


def gif_of_60000_frames(path: Path, edge_px: int = 64) -> None:
    """60,000 frames: only the first is anybody's business."""
    first, second = (_saved(Image.new("P", (edge_px, edge_px), colour), "GIF") for colour in (0, 1))
    head = bytes(first[:-1])  # without the trailer
    image = bytes(second[second.index(b",", 13 + 3 * (2 << (second[10] & 7))) : -1])
    path.write_bytes(head + (b"\x21\xf9\x04\x04\x01\x00\x00\x00" + image) * 59_999 + b";")


def gif_frame_outside(path: Path) -> None:
    """A frame far larger than its screen."""
    data = _saved(Image.new("P", (1, 1)), "GIF")
    at = data.index(b",", 13 + 3 * (2 << (data[10] & 7)))
    struct.pack_into("<HHHH", data, at + 1, 0, 0, 65535, 65535)
    path.write_bytes(data)


def tiff_of_900_megapixels(path: Path) -> None:
    """30000 × 30000, named like a JPEG."""
    data = _saved(Image.new("RGB", (64, 64)), "TIFF", compression="tiff_lzw")
    for tag, value in ((256, 30000), (257, 30000), (278, 30000)):  # width, height, rows in a strip
        for kind in (3, 4):
            entry = struct.pack("<HHI", tag, kind, 1)
            if entry in data:
                data[data.index(entry) : data.index(entry) + 12] = struct.pack("<HHII", tag, 4, 1, value)
    path.write_bytes(data)


def tiff_in_a_circle(path: Path) -> None:
    """A directory whose next one is itself, for whoever counts pages."""
    data = _saved(Image.new("RGB", (64, 64)), "TIFF")
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    path.write_bytes(data)


def bmp_of_4_gigapixels(path: Path) -> None:
    """65000 × 65000 in a header."""
    data = _saved(Image.new("RGB", (4, 4)), "BMP")
    struct.pack_into("<ii", data, 18, 65000, 65000)
    path.write_bytes(data)


def avif_of_4_gigapixels(path: Path) -> None:
    """Its image spatial extents say 65000 × 65000."""
    data = bytearray(still(path).read_bytes())
    struct.pack_into(">II", data, data.index(b"ispe") + 8, 65000, 65000)
    path.write_bytes(data)


def mp4_of_1000_hours(path: Path) -> None:
    """A frame that lasts 1,000 hours, in 1.5 kB."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=500", "-frames:v", "1", "-c:v", "libx264", "-video_track_timescale", "500", path)
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, data.index(b"stts") + 16, 1000 * 3600 * 500)
    path.write_bytes(data)


def mkv_of_1000_hours(path: Path) -> None:
    """Its duration says 1,000 hours, and so does its last block: the first frame once more, in a cluster that far behind."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25", "-frames:v", "1", "-c:v", "libx264", path)
    data, end_ms = bytearray(path.read_bytes()), 1000 * 3600 * 1000
    struct.pack_into(">d", data, data.index(b"\x44\x89\x88") + 3, float(end_ms))
    segment = data.index(b"\x18\x53\x80\x67") + 4
    data[segment : segment + 8] = b"\x01" + b"\xff" * 7  # its size is not known: there comes more
    cluster = data.index(b"\x1f\x43\xb6\x75")
    block = data.index(b"\xa3", cluster)
    length = _length(data, block + 1)
    again = b"\xe7\x88" + struct.pack(">Q", end_ms - 40) + bytes(data[block : block + length])
    path.write_bytes(bytes(data) + b"\x1f\x43\xb6\x75\x01" + len(again).to_bytes(7, "big") + again)


def _length(data: bytearray, at: int) -> int:
    """Of an EBML element of one byte's name, whose size stands here (RFC 8794, 4): all of it in bytes."""
    width = 9 - data[at].bit_length()
    return 1 + width + (int.from_bytes(data[at : at + width], "big") & (1 << 7 * width) - 1)


def mp4_of_endless_samples(path: Path) -> None:
    """A sample table that claims four thousand million frames."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.4", "-c:v", "libx264", path)
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, data.index(b"stsz") + 12, 0xFFFFFFFF)
    struct.pack_into(">I", data, data.index(b"stts") + 12, 0xFFFFFFFF)
    path.write_bytes(data)


def mp4_of_equal_samples(path: Path) -> None:
    """A thousand million frames of one byte each, all said in two numbers."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.04", "-c:v", "libx264", path)
    data = bytearray(path.read_bytes())
    for box, at, value in ((b"stsz", 8, 1), (b"stsz", 12, 10**9), (b"stts", 12, 10**9), (b"stsc", 20, 10**9)):
        struct.pack_into(">I", data, data.index(box) + at, value)
    path.write_bytes(data)


def _frames(path: Path, size: str, *options: str) -> None:
    ffmpeg("-f", "lavfi", "-i", f"color=gray:s={size}:r=25:d=0.04", *options, path)


def mp4_of_54_megapixels(path: Path) -> None:
    """Frames of 9000 × 6000."""
    _frames(path, "9000x6000", "-c:v", "libx264", "-preset", "ultrafast")


def mkv_of_144_megapixels(path: Path) -> None:
    """Frames of 16000 × 9000."""
    _frames(path, "16000x9000", "-c:v", "mjpeg")


def mkv_of_a_long_edge(path: Path) -> None:
    """Frames of 40000 × 16."""
    _frames(path, "40000x16", "-c:v", "mjpeg")


def mp4_of_long_pixels(path: Path) -> None:
    """Frames of 2048 × 64 whose pixels are twenty times as wide as high."""
    _frames(path, "2048x64", "-vf", "setsar=20", "-c:v", "libx264")


def mp4_of_20_streams(path: Path) -> None:
    """Twenty sound tracks."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", *(("-map", "0") * 20), path)


def mkv_of_200_streams(path: Path) -> None:
    """Two hundred sound tracks."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.1", *(("-map", "0") * 200), "-c:a", "pcm_s16le", path)


def mp4_of_1000_frames_a_second(path: Path) -> None:
    """Legitimate, if odd: a rendition has at most 60."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=1000:d=1", "-c:v", "libx264", "-preset", "ultrafast", path)


REFUSED = ("limit", "bad-input")
BOMBS = (
    Bomb(name="pixels.jpg", build=jpeg_of_65000),
    Bomb(name="scans.jpg", build=jpeg_of_many_scans),
    Bomb(name="pixels.png", build=png_of_88_megapixels),
    Bomb(name="dimensions.png", build=png_of_4_gigapixels),
    Bomb(name="inflating.png", build=png_whose_data_never_end, ends=("done", *REFUSED)),
    Bomb(name="words.png", build=png_with_endless_words, ends=("done", *REFUSED)),
    Bomb(name="profile.png", build=png_with_an_endless_profile, ends=("done", *REFUSED)),
    Bomb(name="frames.png", build=png_of_60000_frames, ends=("done",)),
    Bomb(name="frames.webp", build=webp_of_60000_frames, ends=("done",)),
    Bomb(name="dimensions.webp", build=webp_of_268_megapixels),
    Bomb(name="canvas.webp", build=webp_canvas_of_4_gigapixels, ends=REFUSED),
    Bomb(name="dimensions.gif", build=gif_of_4_gigapixels),
    Bomb(name="frames.gif", build=gif_of_60000_frames, ends=("done",)),
    Bomb(name="outside.gif", build=gif_frame_outside, ends=REFUSED),
    Bomb(name="tiff-in-disguise.jpg", build=tiff_of_900_megapixels),
    Bomb(name="circle.tiff", build=tiff_in_a_circle, ends=("done", *REFUSED)),
    Bomb(name="dimensions.bmp", build=bmp_of_4_gigapixels),
    Bomb(name="dimensions.avif", build=avif_of_4_gigapixels, ends=REFUSED),
    Bomb(name="duration.mp4", build=mp4_of_1000_hours),
    Bomb(name="duration.mkv", build=mkv_of_1000_hours),
    Bomb(name="samples.mp4", build=mp4_of_endless_samples, ends=REFUSED),
    Bomb(name="equal-samples.mp4", build=mp4_of_equal_samples, ends=REFUSED),
    Bomb(name="pixels.mp4", build=mp4_of_54_megapixels),
    Bomb(name="pixels.mkv", build=mkv_of_144_megapixels),
    Bomb(name="edge.mkv", build=mkv_of_a_long_edge),
    Bomb(name="aspect.mp4", build=mp4_of_long_pixels),
    Bomb(name="streams.mp4", build=mp4_of_20_streams),
    Bomb(name="streams.mkv", build=mkv_of_200_streams),
    Bomb(name="rate.mp4", build=mp4_of_1000_frames_a_second, ends=("done",)),
)
