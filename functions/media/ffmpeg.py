"""FFmpeg, held to the allowlists: the binary, and the command line for hostile bytes, built by ffmpeg-python.

Only `functions.sandbox` runs it.
"""

import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from functions.media.formats import AUDIO_ENCODERS, CONTAINERS, DECODERS, FORMAT_WHITELIST, VIDEO_ENCODERS, MediaLimits
from schemas.facts import MediaFacts

Options = Mapping[str, str | int | None]
"""Names without the dash; None for one that takes no value. ffmpeg-python's `format` is `-f`."""

PIXELS: Options = MappingProxyType({"c:v": "rawvideo", "format": "rawvideo"})
"""Output options: frames as they are, one after another."""
NOTHING: Options = MappingProxyType({"c:v": "wrapped_avframe", "format": "null"})
"""Output options: frames that filters have looked at, dropped."""

_ENCODERS = {"v": VIDEO_ENCODERS, "a": AUDIO_ENCODERS}
_CODEC_OPTIONS = re.compile(r"(?:c|codec|[asvd]codec)(?:$|:)")  # each way of ffmpeg to name an encoder


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that a run makes.

    Attributes:
        path: a file, or `-` for standard output.
        streams: specifiers within the one input: `V:0` is the first picture that is no cover, `a:0?` the first sound if there is one.
        options: the output's own. They name the encoder of each kind of stream, `c:v` and `c:a`, or `c: copy` for all: else the container
            would choose.
    """

    path: Path | str
    streams: Sequence[str]
    options: Options


@functools.cache
def ffmpeg() -> str:
    """The path of the ffmpeg binary: the setting FFMPEG, or the one in the wheel.

    Raises:
        RuntimeError: there is none.
    """
    chosen = os.environ.get("FFMPEG")
    if chosen:
        return chosen
    import imageio_ffmpeg  # late: stills never need it

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def input_options(media: MediaFacts | str, limits: MediaLimits | None = None) -> dict[str, str | int | None]:
    """Every option that goes before `-i` on hostile bytes.

    The demuxer is forced by the container that the magic bytes decided, so that a playlist named `.mp4` is read by nothing; protocols,
    demuxers and decoders are allowlists; streams and pixels are bounded.

    Args:
        media: a media's facts, or the name of its container.
        limits: defaults to the environment's.

    Raises:
        KeyError: a container that is not taken, or is a still.
    """
    name = media if isinstance(media, str) else media.container
    demuxer = CONTAINERS[name].demuxer
    if demuxer is None:
        raise KeyError(f"{name} is no container for ffmpeg")
    bounds = limits or MediaLimits.from_environment()
    return {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(FORMAT_WHITELIST),
        "codec_whitelist": ",".join(DECODERS),
        "max_streams": bounds.max_streams,
        "max_pixels": bounds.max_frame_pixels,
        "format": demuxer,
    }


def command(
    media: MediaFacts | str,
    source: Path,
    targets: Sequence[Target],
    *,
    decoding: Options | None = None,
    overall: Options | None = None,
    limits: MediaLimits | None = None,
) -> list[str]:
    """The argv that reads one source, once, and makes the targets from it. Quiet, asks nothing, overwrites.

    Args:
        decoding: more options before `-i`.
        overall: options of the whole run.

    Raises:
        KeyError: as `input_options`.
        ValueError: a target whose encoder is not on the list.
    """
    import ffmpeg as builder  # late: 50 ms that stills need not pay

    for target in targets:
        _check_encoders(target)
    opened = builder.input(str(source), **input_options(media, limits), **(decoding or {}))
    made = [builder.output(*(opened[one] for one in target.streams), str(target.path), **target.options) for target in targets]
    words = {"hide_banner": None, "nostdin": None, **(overall or {})}
    flat = [word for name, value in words.items() for word in (f"-{name}", value) if word is not None]
    whole = builder.merge_outputs(*made) if len(made) > 1 else made[0]
    return [str(word) for word in whole.global_args(*map(str, flat)).compile(cmd=ffmpeg(), overwrite_output=True)]


def _check_encoders(target: Target) -> None:
    """Raises ValueError unless each kind of stream has an encoder of the list named, and nothing else is."""
    named = {name: value for name, value in target.options.items() if _CODEC_OPTIONS.match(name)}
    needed = {"c"} if named.get("c") == "copy" else {f"c:{one[0].lower()}" for one in target.streams}
    wrong = {name: value for name, value in named.items() if value != "copy" and value not in _ENCODERS.get(name.removeprefix("c:"), ())}
    if wrong or not needed <= named.keys():
        raise ValueError(f"no encoder of the list for {target.path}: {dict(named)}")
