"""Decides how one rendition is made: size, filters, argv. Pure; running it is transcode.py's job."""

from pathlib import Path
from typing import Final

from functions.media.ffmpeg import Options, Target, command
from functions.media.timeline import LISTING
from functions.transcode.colour import hdr_curve, hdr_filters, sdr_filters
from functions.transcode.look import Look
from schemas.facts import MediaFacts

MAX_FRAME_RATE: Final = 60
_KEYFRAME_EVERY_S: Final = 2
_SLACK_S: Final = 10
_UNKNOWN_LENGTH_S: Final = 6 * 3600


def rendition_size(width_px: int, height_px: int, short_side_px: int) -> tuple[int, int]:
    """Width and height of the rendition: even, never larger than the source (but 2), the shorter side at most `short_side_px`.

    Args:
        width_px, height_px: the source as shown, turned and with square pixels.
    """
    short, long = sorted((width_px, height_px))
    short_out = _even(min(short_side_px, short))
    exact = long * short_out / short
    long_out = min(2 * max(1, round(exact / 2)), max(_even(long), short_out))
    return (short_out, long_out) if width_px <= height_px else (long_out, short_out)


def filters(facts: MediaFacts, look: Look, size_px: tuple[int, int]) -> str:
    """The filter chain between decoder and encoder. The turn of the display matrix comes before it, by ffmpeg itself."""
    scale = "{}:{}".format(*size_px)
    chain = []
    if look.interlaced:
        # bwdif holds a frame back and would lose it where the size changes, so it must see one size for ever.
        chain += [f"scale={look.width_px}:{look.height_px}:interl=-1", "bwdif=mode=send_frame:deint=interlaced"]
    if is_thinned(facts):
        chain.append(f"fps={MAX_FRAME_RATE}")
    curve = hdr_curve(look, facts.hdr)
    chain += hdr_filters(look, curve, scale) if curve else sdr_filters(look, facts.video_codec, scale)
    return ",".join([*chain, "setsar=1"])


def is_thinned(facts: MediaFacts) -> bool:
    """Are frames left out, the rate being above 60? A phone's "60" is 60.04 now and then, and stays."""
    return (facts.frame_rate or 0) > MAX_FRAME_RATE + 0.5


def longest_s(facts: MediaFacts) -> float:
    """The longest that a rendition may get: what the header says and some slack, for headers lie both ways."""
    return facts.duration_ms / 1000 * 1.1 + _SLACK_S if facts.duration_ms else _UNKNOWN_LENGTH_S


def rendering(
    *, facts: MediaFacts, look: Look, size_px: tuple[int, int], source: Path, target: Path, listing: Path, threads: int, max_bytes: int
) -> list[str]:
    """The argv that makes the rendition and, from the same reading, a listing of the source's packets to hold it against.

    Args:
        size_px: by `rendition_size`.
        target: the MP4.
        listing: the source's packets, for `functions.media.timeline`.
    """
    streams = ("V:0", *(("a:0?",) if facts.audio_codec else ()))
    bounds = {"t": f"{longest_s(facts):.3f}"}
    film = {
        **bounds,
        **{"fs": max_bytes, "map_metadata": -1, "map_chapters": -1},
        **{"vf": filters(facts, look, size_px), **_picture(facts, threads), **_last_frame(facts)},
        **{"af": _SOUND, "c:a": "aac", "b:a": "128k"},
        **{"fflags": "+bitexact", "movflags": "+faststart", "format": "mp4"},
    }
    return command(
        facts,
        source,
        [Target(path=target, streams=streams, options=film), Target(path=listing, streams=streams, options={**bounds, **LISTING})],
        # Without a new graph at each change of size, bwdif keeps its frames; scale adapts by itself.
        decoding={"threads": threads} | ({"reinit_filter": 0} if look.interlaced else {}),
        overall={"loglevel": "verbose", "nostats": None, "progress": "pipe:1", "stats_period": "0.5", "filter_threads": threads},
    )


# Gaps are filled and overlaps cut where they pass 20 ms, so that sound stays in its place; the rates are ones that every player takes,
# and with 8 kHz the encoder's own delay would be 128 ms.
_SOUND: Final = "aresample=async=1:min_hard_comp=0.02,aformat=sample_rates=44100|48000:channel_layouts=mono|stereo"


def _picture(facts: MediaFacts, threads: int) -> Options:
    """Each frame as it comes, on the source's own clock.

    veryfast at CRF 21 looks like `faster` at 23 (SSIM 0.986 both, 480p) for 0.7 times the processor time and a tenth more bytes; `medium`
    costs twice. Time counts more: it decides how long a clip fits one request. Groups are closed (x264's default), and a keyframe comes
    about every two seconds, so that players seek fast.
    """
    rate = min(facts.frame_rate or 30, MAX_FRAME_RATE)
    group = max(1, round(rate * _KEYFRAME_EVERY_S))
    return {
        **{"fps_mode": "passthrough", "enc_time_base:v": "demux"},
        **{"c:v": "libx264", "preset": "veryfast", "crf": 21, "profile:v": "high", "pix_fmt": "yuv420p"},
        # Its statistics would push what matters out of the log's tail.
        **{"g": group, "x264-params": "log=0", "threads:v": threads},
    }


def _last_frame(facts: MediaFacts) -> Options:
    """Lets no frame last past the end that the header names.

    MP4 gives durations in decoding order, so with B-frames and a variable rate the last frame may carry the length of a pause before it.
    """
    if not facts.duration_ms:
        return {}
    end = f"{facts.duration_ms}/1000/TB"
    clipped = rf"if(between({end}\,PTS+1\,PTS+DURATION-1)\,{end}-PTS\,DURATION)"
    return {"bsf:v": f"setts=pts=PTS:dts=DTS:duration={clipped}"}


def _even(pixels: int) -> int:
    return max(2, pixels // 2 * 2)
