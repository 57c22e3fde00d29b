"""Colours of a rendition: filters so that values and tags agree. Pure text; what the source says of itself is look.py's job.

SDR keeps its own colours, with tags filled in where they lack; HDR is tone-mapped to BT.709.
"""

from dataclasses import dataclass, replace
from typing import Final

from functions.transcode.look import UNKNOWN, Look

_HD_LINES: Final = 720
_PAL_ROWS: Final = 576
_CURVES: Final = {"pq": "smpte2084", "hlg": "arib-std-b67"}
# What swscale can read (libswscale/yuv2rgb.c) and H.264 can say.
_KEPT: Final = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Matrix, primaries and transfer curve that go together, by FFmpeg's names."""

    space: str
    primaries: str
    transfer: str


BT709: Final = Tags(space="bt709", primaries="bt709", transfer="bt709")
BT601: Final = Tags(space="smpte170m", primaries="smpte170m", transfer="smpte170m")
BT601_PAL: Final = Tags(space="bt470bg", primaries="bt470bg", transfer="smpte170m")
BT2020: Final = Tags(space="bt2020nc", primaries="bt2020", transfer="bt2020-10")
_FAMILIES: Final = {"bt709": BT709, "smpte170m": BT601, "bt470bg": BT601_PAL, "bt2020nc": BT2020}


def hdr_curve(look: Look, hdr: str | None) -> str | None:
    """The HDR transfer curve of the frames or, where they have none, of the facts (`pq`, `hlg`); None for SDR."""
    if look.transfer in _CURVES.values():
        return look.transfer
    return _CURVES[hdr] if hdr and look.transfer == UNKNOWN else None


def tags_of(look: Look, codec: str | None) -> Tags:
    """The source's colours, guessed where it does not say: VP8 is BT.601 by definition, other codecs go by the size, as players do.

    A small rendition of an untagged large clip would otherwise be taken for BT.601 when it is BT.709.
    """
    large = min(look.width_px, look.height_px) >= _HD_LINES
    small = BT601_PAL if _PAL_ROWS in (look.width_px, look.height_px) else BT601
    guess = _FAMILIES.get(look.space) or (BT709 if large and codec != "vp8" else small)
    if look.space in ("gbr", "rgb"):
        guess = BT709
    said = {"space": look.space, "primaries": look.primaries, "transfer": look.transfer}
    return replace(guess, **{name: value for name, value in said.items() if value not in (UNKNOWN, "reserved")})


def sdr_filters(look: Look, codec: str | None, scale: str) -> list[str]:
    """From the source's frames to 8-bit frames of limited range in its own colours, tagged. `scale` is the size, as `w:h`."""
    tags = tags_of(look, codec)
    if tags.space not in _KEPT:  # RGB, YCgCo, …: no player expects those of H.264
        values = f"scale={scale}:out_color_matrix=bt709:out_range=tv"
        return [values, "format=yuv420p", _tagged(replace(tags, space="bt709"))]
    return [_tagged(tags), f"scale={scale}:out_range=tv", "format=yuv420p", "setparams=range=tv"]


def hdr_filters(look: Look, curve: str, scale: str) -> list[str]:
    """From HDR frames to SDR in BT.709, tagged.

    Scaled first, for floats cost much. The light of SDR white is 100 cd/m²; hable without desaturation keeps yellow lamps yellow
    (tonemap's default desat=2 bleaches them), and no curve at all burns out or looks flat.
    """
    primaries = look.primaries if look.primaries != UNKNOWN else BT2020.primaries
    space = look.space if look.space != UNKNOWN else BT2020.space
    return [
        f"scale={scale}",
        f"zscale=tin={curve}:pin={primaries}:min={space}:t=linear:npl=100",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=hable:desat=0",
        "zscale=t=bt709:m=bt709:r=tv",
        "format=yuv420p",
        # HDR10's mastering data would make a player map once more.
        "sidedata=mode=delete",
        _tagged(BT709) + ":range=tv",
    ]


def _tagged(tags: Tags) -> str:
    return f"setparams=colorspace={tags.space}:color_primaries={tags.primaries}:color_trc={tags.transfer}"
