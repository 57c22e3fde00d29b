"""FFmpeg, held to the allowlists: the binary, and the command line for hostile bytes, built by ffmpeg-python.

Only `functions.sandbox` runs it.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.media.formats import CONTAINERS, DECODERS, FORMAT_WHITELIST, MediaLimits
from schemas.facts import MediaFacts

Options = Mapping[str, str | int | None]
"""Names without the dash; None for one that takes no value. ffmpeg-python's `format` is `-f`."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that a run makes.

    Attributes:
        path: a file, or `-` for standard output.
        streams: specifiers within the one input: `V:0` is the first picture that is no cover, `a:0?` the first sound if there is one.
        options: the output's own.
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
    """
    import ffmpeg as builder  # late: 50 ms that stills need not pay

    opened = builder.input(str(source), **input_options(media, limits), **(decoding or {}))
    made = [builder.output(*(opened[one] for one in target.streams), str(target.path), **target.options) for target in targets]
    words = {"hide_banner": None, "nostdin": None, **(overall or {})}
    flat = [word for name, value in words.items() for word in (f"-{name}", value) if word is not None]
    whole = builder.merge_outputs(*made) if len(made) > 1 else made[0]
    return [str(word) for word in whole.global_args(*map(str, flat)).compile(cmd=ffmpeg(), overwrite_output=True)]
