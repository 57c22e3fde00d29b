"""What a file really holds, by FFmpeg's and Pillow's eyes.

Times are milliseconds on the file's own clock, 0 where its first track begins.
"""

from __future__ import annotations

import re
import struct
from array import array
from dataclasses import dataclass
from io import BytesIO
from math import cos, hypot, pi, sin
from pathlib import Path

from PIL import ExifTags, Image, ImageStat

from tests.media.ffmpeg import describe, ffmpeg
from tests.media.marks import BITS_PER_ROW, COLOURS, corner_boxes, number_of

_CELL_PX = 8
_SOUND_HZ = 8000


@dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """The first video and the first sound track, as `ffmpeg -i` names them; what is not there is None or 0."""

    container: str
    duration_ms: int | None
    start_ms: float
    video_codec: str | None
    pixel_format: str | None
    colour: str | None  # "tv, bt709, progressive", as ffmpeg words it
    width_px: int | None  # stored, before the display matrix
    height_px: int | None
    sar: str | None
    frame_rate: float | None
    rotation_deg: int  # clockwise, to show it upright: 0, 90, 180, 270
    sound_codec: str | None
    sound_rate_hz: int | None
    sound_layout: str | None
    streams: int
    text: str  # all of it, for what is asked once


def stream_info(path: Path) -> StreamInfo:
    """Parses `ffmpeg -i`. Raises ValueError for a file that FFmpeg cannot open."""
    text = describe(path)
    head = re.search(r"Input #0, ([\w,]+), from", text)
    if not head:
        raise ValueError(f"{path.name}: {text.strip()[-500:]}")
    clock = re.search(r"Duration: (\d+):(\d+):(\d+)\.(\d\d)", text)
    start = re.search(r"Duration: .*?start: (-?[\d.]+)", text)
    video = re.search(r"Stream #.*?: Video: (\w+).*?, (\w+)(?:\(([^)]*)\))?, (\d+)x(\d+)(?:,? \[?SAR (\d+:\d+))?(.*)", text)
    rate = re.search(r"([\d.]+) fps", video[7]) if video else None
    turn = re.search(r"rotation of (-?[\d.]+) degrees", text)
    sound = re.search(r"Stream #.*?: Audio: (\w+).*?, (\d+) Hz, ([^,]+)", text)
    return StreamInfo(
        container=head[1],
        duration_ms=((int(clock[1]) * 60 + int(clock[2])) * 60 + int(clock[3])) * 1000 + int(clock[4]) * 10 if clock else None,
        start_ms=float(start[1]) * 1000 if start else 0.0,
        video_codec=video[1] if video else None,
        pixel_format=video[2] if video else None,
        colour=video[3] if video else None,
        width_px=int(video[4]) if video else None,
        height_px=int(video[5]) if video else None,
        sar=video[6] if video else None,
        frame_rate=float(rate[1]) if rate else None,
        rotation_deg=round(-float(turn[1])) % 360 if turn else 0,
        sound_codec=sound[1] if sound else None,
        sound_rate_hz=int(sound[2]) if sound else None,
        sound_layout=sound[3] if sound else None,
        streams=len(re.findall(r"^  Stream #", text, re.MULTILINE)),
        text=text,
    )


def read_frame_numbers(path: Path) -> list[int]:
    """The number on every frame that is shown, in order: a lost frame is a gap, a doubled one a repeat.

    Raises ValueError at a frame without a number.
    """
    columns = BITS_PER_ROW + 1
    width_px, height_px = columns * _CELL_PX, 2 * _CELL_PX
    middle = f"crop=iw/2:ih/2:iw/4:ih/4,scale={width_px}:{height_px}:flags=area,format=gray"
    raw, _ = ffmpeg("-i", path, "-map", "0:V:0", "-vf", middle, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    area = width_px * height_px
    return [_number(Image.frombytes("L", (width_px, height_px), raw[at : at + area])) for at in range(0, len(raw), area)]


def frame_times_ms(path: Path) -> list[float]:
    """When each frame is shown."""
    return [ms for ms, _ in _frames(path)]


def frame_at(path: Path, at_ms: int = 0) -> Image.Image:
    """The frame shown at `at_ms`, turned as its display matrix says, colours by its tags. A still picture is a clip of one frame."""
    raw, _ = ffmpeg(
        "-ss", f"{at_ms}ms", "-i", path, "-map", "0:V:0", "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-pix_fmt", "rgb24", "-"
    )
    return Image.open(BytesIO(raw)).convert("RGB")


def combed_frames(path: Path) -> int:
    """How many frames of a test card show two moments at once: all of an interlaced clip, none once it is well deinterlaced.

    Where two fields or two blended frames differ, the moving bar is seen twice at half strength, at any size, instead of once and white.
    For SDR: a dimmed white bar counts as a mixture.
    """
    band = "crop=iw/2:ih*8/100:iw/4:ih*84/100,scale=64:1:flags=area,format=gray"
    raw, _ = ffmpeg("-i", path, "-map", "0:V:0", "-vf", band, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    return sum(max(raw[at : at + 64]) < 215 for at in range(0, len(raw), 64))


def corner_colours(image: Path | Image.Image) -> dict[str, str]:
    """The nearest of the test card's colours in the middle of each corner, of the pixels as they lie.

    EXIF is not heeded. Compare with CORNERS.
    """
    if isinstance(image, Path):
        with Image.open(image) as opened:
            return corner_colours(opened.convert("RGB"))
    image = image.convert("RGB")

    def nearest(colour: tuple[int, ...]) -> str:
        return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], colour, strict=True)))

    centres = {corner: ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2) for corner, box in corner_boxes(*image.size).items()}
    return {corner: nearest(image.getpixel(centre)) for corner, centre in centres.items()}  # type: ignore[arg-type]


def first_flash_ms(path: Path) -> float:
    """When the first bright frame is shown. Raises ValueError if none is."""
    for at_ms, level in _frames(path):
        if level > 160:
            return at_ms
    raise ValueError(f"{path.name}: no flash")


def first_beep_ms(path: Path) -> float:
    """When the first sound track first rises above a tenth of full scale. Raises ValueError if it never does."""
    for i, sample in enumerate(_samples(path)):
        if abs(sample) > 3276:
            return 1000 * i / _SOUND_HZ
    raise ValueError(f"{path.name}: no beep")


def sound_ms(path: Path) -> float:
    """How long the first sound track lasts, its delay included."""
    return 1000 * len(_samples(path)) / _SOUND_HZ


def tone_level(path: Path, hz: float) -> float:
    """The amplitude, 0 to 1, of one tone below 4 kHz in the first sound track mixed down to mono, over its first second."""
    samples = _samples(path)[:_SOUND_HZ]
    turn = 2 * pi * hz / _SOUND_HZ
    real = sum(sample * cos(turn * i) for i, sample in enumerate(samples))
    imaginary = sum(sample * sin(turn * i) for i, sample in enumerate(samples))
    return 2 * hypot(real, imaginary) / len(samples) / 32768


def place_in(path: Path) -> str:
    """Where it was taken, as EXIF, XMP or a container's tag says; empty where none does."""
    if path.suffix in (".mp4", ".mov", ".mkv"):
        return "".join(re.findall(r"(?im)^\s+location\S*\s*: (\S+)", describe(path)))
    with Image.open(path) as image:
        exif, xmp = dict(image.getexif().get_ifd(ExifTags.IFD.GPSInfo)), image.info.get("xmp", b"")
    packet = xmp if isinstance(xmp, bytes) else xmp.encode()
    return "".join([str(exif) if exif else "", "XMP" if b"GPS" in packet else ""])


def moov_before_mdat(path: Path) -> bool:
    """Whether an MP4 or MOV can start playing before all of it has come. Raises ValueError where one of the two boxes is missing."""
    seen = []
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", header)
            length = struct.unpack(">Q", file.read(8))[0] - 16 if size == 1 else size - 8
            seen.append(kind)
            if size == 0:
                break
            file.seek(length, 1)
    return seen.index(b"moov") < seen.index(b"mdat")


def _number(strip: Image.Image) -> int:
    # Only the middle of each cell: its rim carries the neighbours' light.
    rim = _CELL_PX // 4
    corners = [(column * _CELL_PX, row * _CELL_PX) for row in (0, 1) for column in range(BITS_PER_ROW + 1)]
    return number_of(
        [round(ImageStat.Stat(strip.crop((x + rim, y + rim, x + _CELL_PX - rim, y + _CELL_PX - rim))).mean[0]) for x, y in corners]
    )


def _frames(path: Path) -> list[tuple[float, int]]:
    """Each frame's time in milliseconds and its mean grey level."""
    see = "scale=64:64:flags=area,format=gray,showinfo=checksum=0"
    start_ms = stream_info(path).start_ms
    raw, text = ffmpeg("-copyts", "-i", path, "-map", "0:V:0", "-vf", see, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    times = [1000 * float(seconds) - start_ms for seconds in re.findall(r"Parsed_showinfo.* n: *\d+ .*pts_time:(-?[\d.]+)", text)]
    levels = [sum(raw[at : at + 4096]) // 4096 for at in range(0, len(raw), 4096)]
    return list(zip(times, levels, strict=True))


def _samples(path: Path) -> array[int]:
    """The first sound track in mono at 8 kHz, from the moment the file begins: silence before it where it begins late."""
    # Not ffmpeg's own shift to 0: in a transport stream it goes by the chosen track alone.
    start_ms = stream_info(path).start_ms
    sound = f"aresample={_SOUND_HZ}:async=1:first_pts=0"
    raw, _ = ffmpeg("-copyts", "-i", path, "-map", "0:a:0", "-af", sound, "-ac", "1", "-f", "s16le", "-")
    return array("h", raw)[round(start_ms * _SOUND_HZ / 1000) :]
