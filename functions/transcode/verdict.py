"""Is the rendition whole? Holds what was read, what was decoded and what was written against one another.

FFmpeg exits 0 on truncated and on corrupt input, so its exit status says nothing about that. Pure; transcode.py gathers the evidence.

Damage that a decoder hides inside a frame is let through: every frame is there. A frame that is not there is a refusal. MPEG-TS has no
length, so one cut between two whole frames cannot be told from a recording that ended; one whose last frame is damaged was cut, unless it
begins in the middle of things too: receivers record like that, and it is taken, up to its last whole frame.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from functions.errors import BadInput, FunctionError, LimitExceeded, ToolFailed, Unsupported
from functions.media.timeline import Timeline, Track
from functions.transcode.plan import longest_s
from functions.words import in_words
from schemas.facts import MediaFacts

_DECODED = re.compile(r"Input stream #0:\d+ \((video|audio)\): (\d+) packets read \(\d+ bytes\); (\d+) frames decoded; (\d+) decode errors")
_CONCEALED = re.compile(r"corrupt decoded frame|\] concealing |\] error while decoding")
_NAMES = {"video": "picture", "audio": "sound"}
_MAY_HIDE_FRAMES = frozenset({"vp8", "vp9", "av1", "mpeg4"})
"""Codecs whose packets are not always one shown frame each: hidden reference frames, vops that were not coded."""
_SOUND_SLACK_S = 0.25  # decoders' delays and paddings, in both files
_HEADER_SLACK = 0.05

# What ffmpeg says in its last lines when it gives up, the first match counting.
_WORDS: tuple[tuple[str, type[FunctionError], str], ...] = (
    ("exceeds specified max pixel count", LimitExceeded, "The frames have more pixels than are allowed."),
    ("Cannot allocate memory", LimitExceeded, "The media needs more memory than a decoder may take."),
    ("No space left on device", LimitExceeded, "The output is larger than the disk has room for."),
    ("File too large", LimitExceeded, "The output is larger than one file may get."),
    ("not on whitelist", Unsupported, "The media is coded in a way that is not taken here."),
    ("Decoder not found", Unsupported, "The media is coded in a way that is not taken here."),
    ("no decoder found for", Unsupported, "The media is coded in a way that is not taken here."),
    ("not yet implemented in FFmpeg", Unsupported, "The media is coded in a way that is not taken here."),
    ("matches no streams", BadInput, "There is no picture in this media."),
    ("maximum error rate", BadInput, "Most of the media cannot be decoded: it is damaged."),
    ("Invalid data found when processing input", BadInput, "The media cannot be decoded: it is damaged or incomplete."),
    ("Could not find codec parameters", BadInput, "The media cannot be decoded: it is damaged or incomplete."),
    ("Cannot determine format of input", BadInput, "The media cannot be decoded: it is damaged or incomplete."),
)


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What became of one stream's packets in the decoder."""

    frames: int
    errors: int


def read_decoded(log_tail: str) -> dict[str, Decoded]:
    """`video` and `audio` as ffmpeg's closing words at `-loglevel verbose` count them; what it did not decode is not there."""
    return {kind: Decoded(frames=int(frames), errors=int(errors)) for kind, _, frames, errors in _DECODED.findall(log_tail)}


def explain(log_tail: str) -> FunctionError:
    """The error behind an exit status that is not 0."""
    for words, error, sentence in _WORDS:
        if words in log_tail:
            return error(sentence, log_tail=log_tail)
    return ToolFailed("The transcoder failed.", log_tail=log_tail)


def check_bounds(facts: MediaFacts, read_s: float | Fraction, made_bytes: int, max_bytes: int, *, log_tail: str) -> None:
    """Did ffmpeg stop because of a bound that it was given, and not at the media's end?

    Args:
        read_s: seconds of the source that were read.
        made_bytes, max_bytes: of the rendition.

    Raises:
        LimitExceeded: it did.
    """
    if made_bytes >= max_bytes:
        raise LimitExceeded(f"The rendition is larger than the {in_words(max_bytes)} that are allowed.", log_tail=log_tail)
    if read_s >= longest_s(facts) - 1:
        says = f"says that it lasts {facts.duration_ms / 1000:.1f} s, but" if facts.duration_ms else "does not say how long it is, and"
        raise LimitExceeded(f"The media {says} goes on for {float(read_s):.0f} s and more.", log_tail=log_tail)


def check_source(facts: MediaFacts, source: Timeline, decoded: dict[str, Decoded], *, interlaced: bool, log_tail: str) -> None:
    """Was everything in the file decoded?

    Args:
        facts: its duration is what the header promises.
        source: the packets of the file.
        interlaced: then two packets, one a field, may make one frame.

    Raises:
        BadInput: packets are missing or incomplete, or did not become frames.
    """
    video, audio = source.first("video"), source.first("audio")
    if video is None or not video.shown:
        raise BadInput("There is no frame in this media.", log_tail=log_tail)
    stream = facts.container == "mpegts"
    recording = stream and video.leading > 0
    if stream and not recording and _CONCEALED.search(log_tail):
        raise BadInput("The media is cut short or damaged: its last frames are incomplete.", log_tail=log_tail)
    for track in (track for track in (video, audio) if track):
        if (track.ends_corrupt and not recording) if stream else track.corrupt:
            raise BadInput("The media is cut short: its last data are incomplete.", log_tail=log_tail)
        errors = decoded[track.kind].errors if track.kind in decoded else track.shown
        if errors > (track.leading + 1 if recording else 0):
            raise BadInput(f"The media is damaged: {errors} pieces of its {_NAMES[track.kind]} cannot be decoded.", log_tail=log_tail)
    due = video.shown - recording
    if video.codec in _MAY_HIDE_FRAMES or interlaced:
        due //= 2
    frames = decoded["video"].frames
    if frames < due:
        raise BadInput(f"The media is damaged: {video.shown - frames} of its {video.shown} frames cannot be shown.", log_tail=log_tail)
    promised_s = (facts.duration_ms or 0) / 1000
    if source.seconds < promised_s - max(0.5, promised_s * _HEADER_SLACK):
        raise BadInput(
            f"The media is cut short: it says {promised_s:.1f} s, but only {float(source.seconds):.1f} s are there.", log_tail=log_tail
        )


def check_made(source: Timeline, made: Timeline, decoded: dict[str, Decoded], *, thinned: bool, log_tail: str) -> None:
    """Is all of the source in the rendition?

    Args:
        thinned: frames were left out on purpose, the rate being too high.

    Raises:
        ToolFailed: frames, the end, or sound went missing between decoder and file.
    """
    frames = made.first("video")
    if frames is None or (not thinned and frames.shown < decoded["video"].frames):
        raise ToolFailed("The transcoder lost frames.", log_tail=log_tail)
    video = source.first("video")
    assert video is not None  # by check_source
    if _span(frames) < _span(video) - 2 * _span(video) / max(1, video.shown - 1) - Fraction(1, 20):
        raise ToolFailed("The transcoder lost the end of the picture.", log_tail=log_tail)
    sound, heard = source.first("audio"), made.first("audio")
    if sound and sound.shown and (heard is None or _length(heard) < _length(sound) - _SOUND_SLACK_S):
        raise ToolFailed("The transcoder lost sound.", log_tail=log_tail)


def _span(track: Track) -> Fraction:
    """From the first packet's beginning to the last one's beginning."""
    return (track.last_s or Fraction(0)) - (track.first_s or Fraction(0))


def _length(track: Track) -> Fraction:
    return (track.end_s or Fraction(0)) - (track.first_s or Fraction(0))
