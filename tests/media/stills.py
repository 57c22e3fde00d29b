"""Still pictures with known truth. The suffix of the path chooses the format."""

from __future__ import annotations

import struct
from pathlib import Path

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from tests.media.marks import card, corner_image

SECRET = b"darkroom-secret"
"""Stands in every metadata field that the secretive builders write; no artifact may contain it."""

_T = Image.Transpose
# What was done to the upright picture so that a viewer's turn, named by the EXIF orientation, undoes it.
_LAID = {
    2: _T.FLIP_LEFT_RIGHT,
    3: _T.ROTATE_180,
    4: _T.FLIP_TOP_BOTTOM,
    5: _T.TRANSPOSE,
    6: _T.ROTATE_90,
    7: _T.TRANSVERSE,
    8: _T.ROTATE_270,
}


def still(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """The four corners, upright, no metadata: JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF by the suffix."""
    corner_image(*size_px).save(path)
    return path


def tiny(path: Path) -> Path:
    """One red pixel."""
    Image.new("RGB", (1, 1), (200, 40, 40)).save(path)
    return path


def wide(path: Path, size_px: tuple[int, int] = (4000, 3)) -> Path:
    """A strip: scaled to 320 its height would be 0.24, and must be 1."""
    return still(path, size_px)


def with_orientation(path: Path, orientation: int, size_px: tuple[int, int] = (320, 200)) -> Path:
    """`size_px` and upright corners *as shown*; the stored pixels lie as EXIF orientation 1 to 8 says.

    JPEG, PNG (eXIf), WebP and TIFF carry it as it is; AVIF as `irot` and `imir`.
    """
    image = corner_image(*size_px)
    if orientation in _LAID:
        image = image.transpose(_LAID[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(path, exif=exif)
    return path


def avif_turned_twice(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """Says "turn 90° clockwise" in `irot` and again in EXIF, which the format calls informative: turned once it is upright, `size_px`."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # Pillow makes it `irot` and drops it
    exif[ExifTags.Base.ResolutionUnit] = 6  # a short like it, renamed below
    corner_image(*size_px).transpose(_LAID[6]).save(path, exif=exif)
    short = struct.Struct(">HHIH")
    stand_in, orientation = short.pack(ExifTags.Base.ResolutionUnit, 3, 1, 6), short.pack(ExifTags.Base.Orientation, 3, 1, 6)
    data = path.read_bytes()
    assert data.count(stand_in) == 1
    path.write_bytes(data.replace(stand_in, orientation))
    return path


def png_rgba(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """Left half opaque blue (0, 0, 255), right half alpha 0 over hidden magenta (255, 0, 255).

    On white it is blue | white, with no pink between.
    """
    width, height = size_px
    image = Image.new("RGBA", size_px, (255, 0, 255, 0))
    image.paste((0, 0, 255, 255), (0, 0, width // 2, height))
    image.save(path)
    return path


def png_palette(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """A palette of four: left half opaque red (200, 40, 40), right half the palette's transparent entry (its hidden colour is green)."""
    width, height = size_px
    image = Image.new("P", size_px, 1)
    image.putpalette([200, 40, 40, 0, 255, 0, 0, 0, 0, 255, 255, 255])
    image.paste(0, (0, 0, width // 2, height))
    image.save(path, transparency=1)
    return path


def png_16bit_grey(path: Path, size_px: tuple[int, int] = (512, 64)) -> Path:
    """A ramp from 0 at the left to 65535 at the right.

    Scaled to 8 bits, column x reads 255·x/(width−1); clipped, all but the left edge is white.
    """
    width, height = size_px
    row = struct.pack(f"<{width}H", *(65535 * x // (width - 1) for x in range(width)))
    Image.frombytes("I;16", size_px, row * height).save(path)
    return path


def cmyk_jpeg(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """The four corners in CMYK, stored inverted with an Adobe marker, as Photoshop does, no profile.

    Read without inversion it is a negative.
    """
    corner_image(*size_px).convert("CMYK").save(path, quality=95)
    assert b"Adobe\x00" in path.read_bytes()
    return path


def display_p3_jpeg(path: Path, size_px: tuple[int, int] = (64, 64)) -> Path:
    """sRGB's pure red as a Display P3 camera stores it, (234, 51, 35), with the profile.

    Converted it is (255, 0, 0); with the profile dropped it stays the paler (234, 51, 35).
    """
    Image.new("RGB", size_px, (234, 51, 35)).save(path, quality=98, subsampling=0, icc_profile=_display_p3_profile())
    return path


def animation(path: Path, *, frames: int = 10, frame_ms: int = 100, size_px: tuple[int, int] = (160, 120)) -> Path:
    """An endless animation by suffix (.gif, .webp, .png, .avif): frame n carries number n; frame 0 is the picture to show."""
    first, *rest = (card(*size_px, n, n) for n in range(frames))
    first.save(path, save_all=True, append_images=rest, duration=frame_ms, loop=0)
    return path


def secretive_jpeg(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """The four corners with SECRET in EXIF (camera, GPS), XMP and the comment."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = SECRET.decode()
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (28.0, 34.0, 22.4), 3: "W", 4: (80.0, 39.0, 3.6), 29: SECRET.decode()}
    corner_image(*size_px).save(
        path, quality=92, exif=exif, comment=SECRET, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    )
    return path


def png_with_secrets(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """The four corners with SECRET in a tEXt, an iTXt (XMP) and an eXIf chunk."""
    text = PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = SECRET.decode()
    corner_image(*size_px).save(path, pnginfo=text, exif=exif)
    return path


def located_still(path: Path, size_px: tuple[int, int] = (320, 200)) -> Path:
    """The four corners with a place, and SECRET beside it, in EXIF and in XMP: JPEG, PNG, WebP, AVIF or TIFF by the suffix."""
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>exif:GPSLatitude='28,34.37N' " + SECRET + b"</x:xmpmeta>"
    said = Image.Exif()
    said[ExifTags.Base.Make] = SECRET.decode()
    said[ExifTags.IFD.GPSInfo] = {1: "N", 2: (28.0, 34.0, 22.4), 3: "W", 4: (80.0, 39.0, 3.6), 29: SECRET.decode()}
    if path.suffix == ".tiff":
        said[ExifTags.Base.XMLPacket] = packet
    exif = Image.Exif()
    exif.load(said.tobytes())  # as read from a file, which a TIFF's writer needs
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet.decode())
    more = {".png": {"pnginfo": text}, ".tiff": {}}.get(path.suffix, {"xmp": packet})
    corner_image(*size_px).save(path, exif=exif, **more)
    return path


def _display_p3_profile() -> bytes:
    """A version 2 matrix profile: SMPTE EG 432-1's primaries adapted to D50 by Bradford, as in Apple's profile, and sRGB's curve."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    def linear(encoded: float) -> float:
        return encoded / 12.92 if encoded <= 0.04045 else ((encoded + 0.055) / 1.055) ** 2.4  # IEC 61966-2-1

    name = b"Display P3\x00"
    curve = b"curv" + struct.pack(">II1024H", 0, 1024, *(round(65535 * linear(i / 1023)) for i in range(1024)))
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, len(name)) + name + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"CC0\x00",
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.96420, 1.0, 0.82491),
        b"rXYZ": b"XYZ " + bytes(4) + fixed(0.51512, 0.24120, -0.00105),
        b"gXYZ": b"XYZ " + bytes(4) + fixed(0.29198, 0.69225, 0.04189),
        b"bXYZ": b"XYZ " + bytes(4) + fixed(0.15710, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    first = 128 + 4 + 12 * len(tags)
    for signature, data in tags.items():
        table += signature + struct.pack(">II", first + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = first + len(body)
    header = struct.pack(">I4xI", size, 0x02100000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + fixed(0.96420, 1.0, 0.82491)
    return header.ljust(128, b"\x00") + table + body
