"""FFmpeg, held to the allowlists: the binary, and every option that goes before `-i`.

Only `functions.sandbox` runs it.
"""

import functools
import os

from functions.media.formats import CONTAINERS, DECODERS, FORMAT_WHITELIST, MediaLimits
from schemas.facts import MediaFacts


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


def input_options(media: MediaFacts | str, limits: MediaLimits | None = None) -> list[str]:
    """Every option that goes before `-i` on hostile bytes.

    The demuxer is forced by the container that the magic bytes decided, so that a playlist named `.mp4` is read by nothing; protocols,
    demuxers and decoders are allowlists; streams and pixels are bounded. `-nostdin` and no banner keep it quiet.

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
    return [
        *("-hide_banner", "-nostdin", "-protocol_whitelist", "file"),
        *("-format_whitelist", ",".join(FORMAT_WHITELIST), "-codec_whitelist", ",".join(DECODERS)),
        *("-max_streams", str(bounds.max_streams), "-max_pixels", str(bounds.max_frame_pixels), "-f", demuxer),
    ]
