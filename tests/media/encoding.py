"""From pictures and a description of sound to a file: the codecs, their colours, and the one call that encodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import log
from pathlib import Path
from typing import Literal

from PIL import Image

from tests.media.ffmpeg import ffmpeg

TONES_HZ = (440, 660, 880, 80, 1100, 1320)
"""The tone of each channel: left (or mono), right, centre, low frequencies, surround left, surround right."""

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
CODECS = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "22", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
    "vp8": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "32", "-b:v", "0"),
    "av1": ("-c:v", "libsvtav1", "-preset", "10", "-crf", "20"),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "3"),
    "mpeg2": ("-c:v", "mpeg2video", "-q:v", "3"),
    "mjpeg": ("-c:v", "mjpeg", "-q:v", "3"),
}
_BT601_CODECS = {"vp8", "mpeg4", "mpeg2", "mjpeg"}
SOUND_CODECS = {".webm": "libopus", ".avi": "libmp3lame", ".mp3": "libmp3lame", ".wav": "pcm_s16le", ".flac": "flac", ".ogg": "libvorbis"}
HDR_CURVES = {"pq": "smpte2084", "hlg": "arib-std-b67"}

Codec = Literal["h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2", "mjpeg"]
Hdr = Literal["pq", "hlg"]


def encode(
    path: Path,
    pictures: Iterator[Image.Image],
    *,
    size_px: tuple[int, int],
    fps: Fraction,
    filters: Sequence[str],
    codec: Codec,
    sound: str | None = None,
    delays_ms: tuple[int, int] = (0, 0),
    options: Sequence[str] = (),
) -> Path:
    """Encodes `pictures` (RGB, size_px, fps a second), through `filters`, and `sound`, a lavfi source; `delays_ms` of picture and sound."""
    picture_delay, sound_delay = (f"{ms}ms" for ms in delays_ms)
    size = "{}x{}".format(*size_px)
    inputs = [
        "-itsoffset",
        picture_delay,
        "-f",
        "rawvideo",
        "-pixel_format",
        "rgb24",
        "-video_size",
        size,
        "-framerate",
        str(fps),
        "-i",
        "-",
    ]
    if sound:
        inputs += ["-itsoffset", sound_delay, "-f", "lavfi", "-i", sound]
    video = ("-map", "0:v", "-vf", ",".join(filters), "-fps_mode", "passthrough", *CODECS[codec])
    audio = ("-map", "1:a", "-c:a", SOUND_CODECS.get(path.suffix, "aac")) if sound else ()
    ffmpeg(*inputs, *video, *audio, *options, path, feed=(picture.tobytes() for picture in pictures))
    return path


def tones(channels: int, rate_hz: int, seconds: float) -> str:
    """A lavfi source with TONES_HZ at 0.3 of full scale, one for each of `channels`."""
    voices = "|".join(f"0.3*sin(2*PI*{hz}*t)" for hz in TONES_HZ[:channels])
    return f"aevalsrc='{voices}':c={_LAYOUTS[channels]}:s={rate_hz}:d={seconds}"


def colour_filters(codec: Codec, hdr: Hdr | None) -> list[str]:
    """Filters from RGB to the codec's own colours, values and tags alike (tags are taken from the frames, not from -color_* options)."""
    if hdr:
        if codec != "hevc":
            raise ValueError("HDR clips are HEVC here")
        linear = "setparams=color_trc=iec61966-2-1:color_primaries=bt709:colorspace=gbr,zscale=t=linear,format=gbrpf32le"
        return ["format=gbrp", linear, f"zscale=p=bt2020:t={HDR_CURVES[hdr]}:m=bt2020nc:r=tv:npl=203", "format=yuv420p10le"]
    space = "smpte170m" if codec in _BT601_CODECS else "bt709"
    swing, pixels = ("pc", "yuvj420p") if codec == "mjpeg" else ("tv", "yuv420p")
    values = f"scale=out_color_matrix={space}:out_range={swing}"
    return [values, f"format={pixels}", f"setparams=colorspace={space}:color_primaries={space}:color_trc={space}:range={swing}"]


def pq(luminance_cdm2: float) -> float:
    """SMPTE ST 2084's inverse EOTF: 0..10000 cd/m² to 0..1."""
    y = (luminance_cdm2 / 10000) ** (2610 / 16384)
    return float(((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32))


def hlg(display: float) -> float:
    """ARIB STD-B67 on grey: display light 0..1 (1 is a 1000 cd/m² display's peak) back through its 1.2 gamma, then the OETF of BT.2100."""
    scene: float = display ** (1 / 1.2)
    return (3 * scene) ** 0.5 if scene <= 1 / 12 else 0.17883277 * log(12 * scene - 0.28466892) + 0.55991073
