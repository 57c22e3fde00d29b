"""Clips with known truth: every frame is a numbered test card, every channel of sound its own tone. The suffix chooses the container."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image

from tests.media.encoding import CODECS, HDR_CURVES, Codec, Hdr, colour_filters, encode, hlg, pq, tones
from tests.media.ffmpeg import ffmpeg
from tests.media.marks import card

_LAY = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}


def clip(
    path: Path,
    *,
    seconds: float = 2.0,
    fps: int | Fraction = 25,
    size_px: tuple[int, int] = (320, 180),
    codec: Codec = "h264",
    channels: int = 1,
    sound_rate_hz: int = 48000,
    sound_seconds: float | None = None,
    rotation_deg: int = 0,
    sar: str = "1:1",
    variable_rate: bool = False,
    interlaced: bool = False,
    hdr: Hdr | None = None,
    black_frames: int = 0,
    picture_delay_ms: int = 0,
    sound_delay_ms: int = 0,
    start_ms: int = 0,
    keyframe_every: int = 12,
    faststart: bool = False,
) -> Path:
    """Frames 0 to round(seconds × fps) − 1, each carrying its number; the first `black_frames` are black instead.

    size_px: as shown by a player that turns but does not stretch.
    rotation_deg: 90, 180 or 270, clockwise, in a display matrix; the stored pixels lie accordingly.
    sar: the shape of a pixel; the shown width is size_px[0] × sar.
    channels: 0 (no sound), 1, 2 or 6 (5.1), each with its tone of TONES_HZ, for `sound_seconds` (else as long as the picture).
    variable_rate: frame n is shown at variable_rate_times_ms.
    interlaced: top field first, `fps` frames a second; both fields of a frame carry its number, the bar moves from field to field.
    hdr: 10-bit BT.2020, SDR white at 203 cd/m²; HEVC only.
    picture_delay_ms, sound_delay_ms: that track begins so much later (an empty edit in MP4 and MOV).
    start_ms: the file's first time stamp is not 0.
    faststart: the moov box comes first, else last.

    Values and tags are BT.709's, for VP8 and older codecs BT.601's. Raises ValueError for what cannot be combined.
    """
    if rotation_deg and sar != "1:1":
        raise ValueError("a turned clip has square pixels here: which way sar goes would be ambiguous")
    frames = round(seconds * fps)
    fields = 2 if interlaced else 1
    shown_s = variable_rate_times_ms(frames, fps)[-1] / 1000 if variable_rate else seconds
    filters = [
        *(["tinterlace=interleave_top"] if interlaced else []),
        *(["setpts='(floor(N/3)*5+mod(N,3))/(FR*TB)'"] if variable_rate else []),
        *([_LAY[rotation_deg]] if rotation_deg else []),
        *colour_filters(codec, hdr),
        f"setsar={sar.replace(':', '/')}",
    ]
    moov_first = ["-movflags", "+faststart"] if faststart else []
    options = ["-g", str(keyframe_every), *moov_first, *_start(start_ms)]
    if interlaced:
        options += ["-flags:v", "+ilme+ildct", *(("-x264-params", "tff=1") if codec == "h264" else ())]

    def pictures() -> Iterator[Image.Image]:
        for drawn in range(frames * fields):
            number = drawn // fields
            yield Image.new("RGB", size_px) if number < black_frames else card(*size_px, number, drawn)

    target = path.with_name(f"lying-{path.name}") if rotation_deg else path
    encode(
        target,
        pictures(),
        size_px=size_px,
        fps=Fraction(fps) * fields,
        filters=filters,
        codec=codec,
        sound=tones(channels, sound_rate_hz, sound_seconds or shown_s) if channels else None,
        delays_ms=(picture_delay_ms, sound_delay_ms),
        options=options,
    )
    if rotation_deg:
        ffmpeg("-display_rotation", str(-rotation_deg), "-i", target, "-map", "0", "-c", "copy", *moov_first, path)
        target.unlink()
    return path


def variable_rate_times_ms(frames: int, fps: int | Fraction) -> list[float]:
    """When a `variable_rate` clip shows each frame: three in a row, then a pause of two, so at 0, 1, 2, 5, 6, 7, 10 … frame times."""
    return [float(1000 * (n // 3 * 5 + n % 3) / Fraction(fps)) for n in range(frames)]


def beep_flash_clip(
    path: Path,
    *,
    events_ms: Sequence[int] = (1000,),
    seconds: float = 3.0,
    fps: int | Fraction = 25,
    size_px: tuple[int, int] = (320, 180),
    codec: Codec = "h264",
    picture_delay_ms: int = 0,
    sound_delay_ms: int = 0,
    start_ms: int = 0,
) -> Path:
    """At each of `events_ms`, on the file's clock, one white frame and a beep (1 kHz, 100 ms) begin together; black and silent otherwise.

    The delays, as in `clip`, shift a track one way and its content the other: a player that keeps them sees no difference, one that
    drops them is out of step by their amount. Raises ValueError for events that are not whole frame times.
    """
    flashes = [Fraction(ms - picture_delay_ms, 1000) * Fraction(fps) for ms in events_ms]
    if any(frame.denominator != 1 for frame in flashes):
        raise ValueError(f"{events_ms} are not all whole frames at {fps} a second")
    pictures = (Image.new("RGB", size_px, "white" if n in flashes else "black") for n in range(round(seconds * fps)))
    gates = "+".join(f"between(t,{(ms - sound_delay_ms) / 1000},{(ms - sound_delay_ms + 100) / 1000})" for ms in events_ms)
    sound = f"aevalsrc='0.8*sin(2*PI*1000*t)*({gates})':s=48000:d={seconds}"
    return encode(
        path,
        pictures,
        size_px=size_px,
        fps=Fraction(fps),
        filters=[*colour_filters(codec, None), "setsar=1"],
        codec=codec,
        sound=sound,
        delays_ms=(picture_delay_ms, sound_delay_ms),
        options=["-g", "12", *_start(start_ms)],
    )


def hdr_ramp_clip(path: Path, *, hdr: Hdr = "pq", frames: int = 5, size_px: tuple[int, int] = (640, 180)) -> Path:
    """Upper half: grey steps of 25, 50, 100, 203, 400, 600, 800, 1000 cd/m², left to right. Lower half: yellow, 600 cd/m².

    A right rendering to SDR keeps all eight steps apart and rising (clipping at white makes the last ones equal) and the yellow yellow:
    red and green near each other, blue far below. HLG carries no absolute values: there 1000 cd/m² is its peak, the yellow about right.
    """
    steps = (25, 50, 100, 203, 400, 600, 800, 1000)
    width, height = size_px

    def pixel(*rgb_cdm2: float) -> bytes:
        return b"".join(round(65535 * (pq(c) if hdr == "pq" else hlg(c / 1000))).to_bytes(2, "little") for c in rgb_cdm2)

    upper = b"".join(pixel(level, level, level) * (width // 8) for level in steps)
    picture = upper * (height // 2) + pixel(600, 600, 10) * width * (height // 2)
    raw = ("-f", "rawvideo", "-pixel_format", "rgb48le", "-video_size", f"{width}x{height}", "-framerate", "25", "-i", "-")
    tags = f"format=gbrp16le,setparams=color_primaries=bt2020:color_trc={HDR_CURVES[hdr]}:colorspace=gbr:range=pc"
    ffmpeg(*raw, "-vf", f"{tags},zscale=m=bt2020nc:r=tv,format=yuv420p10le", *CODECS["hevc"], path, feed=[picture] * frames)
    return path


def _start(start_ms: int) -> list[str]:
    return ["-output_ts_offset", f"{start_ms}ms"] if start_ms else []
