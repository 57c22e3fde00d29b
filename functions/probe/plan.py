"""What a report means: a media's facts, or the sentence that says why it is not taken. Pure."""

import re
from fractions import Fraction
from typing import Any

from functions.errors import BadInput, FunctionError, LimitExceeded, ToolFailed, Unsupported
from functions.media.formats import AUDIO_CODECS, PCM_CODECS, VIDEO_CODECS, Container, MediaLimits
from functions.media.magic import Identity
from functions.media.timeline import Timeline, Track
from functions.probe.report import Described, Description
from schemas.facts import Kind

_WHOLE_RATES = (*range(1, 61), 72, 75, 90, 100, 120, 144, 180, 200, 240)
_STANDARD_RATES = (
    *(Fraction(rate) for rate in _WHOLE_RATES),
    *(Fraction(rate * 1000, 1001) for rate in _WHOLE_RATES),
    *(Fraction(25, 2), Fraction(15, 2)),
)
_DEEP = re.compile(
    r"p(9|1[0-6])(?:le|be)$|^(?:gray|y)(9|1[0-6])(?:le|be)$|^[pxy]\d(1[0-6])(?:le|be)$|^(?:rgb|bgr|rgba|bgra|ya)(48|64|16)(?:le|be)$"
)
_ALPHA = ("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya")
_MISSING_TAIL_S = Fraction(1, 2)  # a container's claim and its packets may differ so much, or by 2 %, without proof of a cut

_SAID: tuple[tuple[re.Pattern[str], type[FunctionError], str], ...] = (
    (
        re.compile(r"(\d+)x(\d+) exceeds specified max pixel count (\d+)"),
        LimitExceeded,
        "{what} has frames of {0} × {1}, more pixels than the {2} that are taken.",
    ),
    (re.compile("exceeds specified max pixel count"), LimitExceeded, "{what} has frames of more pixels than are taken."),
    (re.compile("does not contain any stream"), Unsupported, "{what} holds neither picture nor sound."),
    (re.compile("moov atom not found"), BadInput, "{what} is cut short: its index is missing."),
    (re.compile("partial file"), BadInput, "{what} is cut short."),
    (re.compile("File ended prematurely"), BadInput, "{what} is cut short."),
)


def refusal(identity: Identity, taken: str) -> FunctionError:
    """The error for a file whose first bytes say that it is not taken."""
    if identity.label in ("an empty file", "nothing but zeros"):
        return BadInput(f"This is {identity.label}; taken are {taken}.")
    return Unsupported(f"This is {identity.label}; taken are {taken}.")


def has_too_many_streams(log: str) -> bool:
    """Whether ffmpeg met its bound of streams; each demuxer has words of its own around these."""
    return "exceeds max_streams" in _own_words(log)


def too_many_streams(identity: Identity, has: int | None, most: int) -> LimitExceeded:
    """The error for it.

    Args:
        has: how many there are, None where nobody could count them.
    """
    what = f"This file, {identity.label},"
    return LimitExceeded(f"{what} holds {has or 'many more'} streams; at most {most} are taken.")


def judge_end(identity: Identity, returncode: int, log: str) -> None:
    """Raises what the pass's end and its words prove, if anything.

    Raises:
        BadInput, Unsupported, LimitExceeded: by what was said.
        ToolFailed: ffmpeg crashed.
    """
    what = f"This file, {identity.label},"
    said = _own_words(log)
    for words, kind, sentence in _SAID:
        if found := words.search(said):
            raise kind(sentence.format(*found.groups(), what=what), log_tail=log[-4000:])
    if returncode < 0:
        raise ToolFailed(f"{what} crashed its reader.", log_tail=log[-4000:])
    if returncode != 0:
        raise BadInput(f"{what} is damaged: it cannot be read to its end.", log_tail=log[-4000:])


def _own_words(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if not line.startswith(" "))  # a file's own tags are indented


def stream_facts(timeline: Timeline, description: Description, container: Container, limits: MediaLimits) -> dict[str, Any]:
    """The facts of a video or a sound: all of `MediaFacts` but sha256 and bytes.

    Raises:
        BadInput: no packets, or fewer than the container promises.
        Unsupported: nothing to see or hear, or a codec that is not decoded.
        LimitExceeded: too long, too large, too many frames.
    """
    video, audio = timeline.first("video"), timeline.first("audio")
    _check_codecs(container, video, audio)
    end_s = duration_s(video, audio, description.duration_s)
    _check_whole(timeline, description, container, end_s)
    if end_s > limits.max_duration_s:
        raise LimitExceeded(f"This {container.label} file lasts {_hours(end_s)}; at most {_hours(limits.max_duration_s)} are taken.")
    facts: dict[str, Any] = {
        "kind": Kind.VIDEO if video else Kind.AUDIO,
        "container": container.name,
        "duration_ms": round(end_s * 1000),
        "audio_codec": audio.codec if audio else None,
    }
    if video is None:
        return facts
    number = next(number for number, track in timeline.tracks.items() if track is video)
    return facts | _video_facts(video, description.of(number), limits)


def duration_s(video: Track | None, audio: Track | None, claimed_s: Fraction | None) -> Fraction:
    """Seconds from time zero to the end of the longer of picture and sound.

    A codec's padding in the last sound packet is no time: where sound ends less than a packet behind the picture, or, alone, behind the
    container's own claim, that counts.
    """
    picture_s = _end_s(video) if video else Fraction(0)
    if audio is None:
        return picture_s
    sound_s = _end_s(audio)
    other_s = picture_s if video else claimed_s
    if other_s is not None and 0 < sound_s - other_s <= audio.longest_s + Fraction(1, 100):
        return other_s
    return max(sound_s, picture_s)


def frame_rate(track: Track) -> Fraction | None:
    """Average frames a second, from the moments of the first and the last frame; None for a single frame of no length.

    A standard rate that the container's ticks cannot tell from it wins: Matroska's milliseconds hold 24000/1001 only nearly.
    """
    if track.first_s is None or track.last_s is None:
        return None
    gaps, span_s = track.shown - 1, track.last_s - track.first_s
    if gaps < 1 or span_s <= 0:
        return 1 / track.longest_s if track.longest_s else None
    near = [rate for rate in _STANDARD_RATES if abs(gaps / rate - span_s) <= track.time_base]
    return min(near, key=lambda rate: abs(gaps / rate - span_s), default=gaps / span_s)


def shown_size(width: int, height: int, pixel_aspect: Fraction, turn_deg: int) -> tuple[int, int]:
    """Pixels as shown: square, and turned."""
    wide = max(1, round(width * pixel_aspect))
    return (height, wide) if turn_deg in (90, 270) else (wide, height)


def bit_depth(pixel_format: str) -> int:
    """Bits a component, by FFmpeg's name of the pixel format."""
    found = _DEEP.search(pixel_format)
    if not found:
        return 8
    bits = int(next(group for group in found.groups() if group))
    return 16 if bits in (48, 64) else bits


def _video_facts(track: Track, described: Described, limits: MediaLimits) -> dict[str, Any]:
    if track.shown == 0:
        raise BadInput("The video holds no frame that can be shown.")
    if track.shown > limits.max_frames:
        raise LimitExceeded(f"The video has {track.shown} frames; at most {limits.max_frames} are taken.")
    stored = track.width_px or 0, track.height_px or 0
    if min(stored) < 1:
        raise BadInput("The video has no size.")
    width, height = shown_size(*stored, track.pixel_aspect, described.turn_deg)
    if max(stored[0] * stored[1], width * height) > limits.max_frame_pixels or max(width, height) > limits.max_edge_px:
        most = f"{limits.max_frame_pixels // 1_000_000} megapixels and {limits.max_edge_px} a side"
        raise LimitExceeded(f"The video is {width} × {height} pixels; at most {most} are taken.")
    rate = frame_rate(track)
    if rate and track.shown > 1 and rate > limits.max_frame_rate:
        raise LimitExceeded(f"The video has {float(rate):.0f} frames a second; at most {limits.max_frame_rate} are taken.")
    return {
        "width_px": width,
        "height_px": height,
        "rotation_deg": described.turn_deg,
        "frame_rate": float(rate) if rate else None,
        "frames": track.shown,
        "video_codec": track.codec,
        "bit_depth": bit_depth(described.pixel_format),
        "hdr": "pq" if "smpte2084" in described.colour else "hlg" if "arib-std-b67" in described.colour else None,
        "has_alpha": described.pixel_format.startswith(_ALPHA),
        "animated": False,
    }


def _check_codecs(container: Container, video: Track | None, audio: Track | None) -> None:
    if video is None and audio is None:
        raise Unsupported(f"This {container.label} file holds neither picture nor sound.")
    if video and video.codec not in VIDEO_CODECS:
        raise Unsupported(f"The picture is coded as {video.codec}, which is not decoded here; taken are {', '.join(VIDEO_CODECS)}.")
    if audio and audio.codec not in (*AUDIO_CODECS, *PCM_CODECS):
        raise Unsupported(f"The sound is coded as {audio.codec}, which is not decoded here; taken are {', '.join(AUDIO_CODECS)} and PCM.")


def _check_whole(timeline: Timeline, description: Description, container: Container, end_s: Fraction) -> None:
    if all(track.shown == 0 for track in timeline.tracks.values()):
        raise BadInput(f"This {container.label} file holds no frames: it is damaged or cut short.")
    promised_s, others = description.duration_s, {stream.kind for stream in description.streams.values()} - {"video", "audio"}
    if promised_s is None or others:  # what else is there may last longer, and was not listed
        return
    held_s = max(end_s, *(_end_s(track) for track in timeline.tracks.values()))
    if promised_s - held_s > max(_MISSING_TAIL_S, promised_s / 50):
        promise = f"it promises {float(promised_s):.1f} seconds and holds {float(held_s):.1f}"
        raise BadInput(f"This {container.label} file is cut short: {promise}.")


def _end_s(track: Track) -> Fraction:
    if track.end_s is None or track.last_s is None:
        return Fraction(0)
    rate = frame_rate(track) if track.kind == "video" and track.end_s <= track.last_s else None
    return max(Fraction(0), track.end_s + (1 / rate if rate else 0))


def _hours(seconds: Fraction | int) -> str:
    return f"{float(seconds) / 3600:.1f} hours"
