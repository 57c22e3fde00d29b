"""What ffmpeg's words and a listing of packets mean, decided without any file."""

from fractions import Fraction

import pytest

from functions.errors import BadInput, FunctionError, LimitExceeded, ToolFailed, Unsupported
from functions.media.formats import CONTAINERS, MediaLimits
from functions.media.magic import Identity
from functions.media.timeline import Timeline, Track
from functions.probe.plan import (
    bit_depth,
    duration_s,
    frame_rate,
    has_too_many_streams,
    judge_end,
    refusal,
    shown_size,
    stream_facts,
    too_many_streams,
)
from functions.probe.report import Described, read_description

MP4 = Identity(container="mp4", label="an MP4 file")


def track(kind: str, *, tick: Fraction, at: list[int], length: int, codec: str = "h264", size: tuple[int, int] = (1280, 720)) -> Track:
    made = Track(kind=kind, codec=codec, time_base=tick, width_px=size[0], height_px=size[1])
    for pts in at:
        made.add(pts, pts, length, 1)
    return made


@pytest.mark.parametrize(
    ("stored", "aspect", "turn", "shown"),
    [
        ((1920, 1080), Fraction(1), 0, (1920, 1080)),
        ((1920, 1080), Fraction(1), 90, (1080, 1920)),
        ((720, 576), Fraction(16, 15), 0, (768, 576)),  # 720 * 16 / 15
        ((720, 480), Fraction(8, 9), 0, (640, 480)),  # 720 * 8 / 9
        ((720, 576), Fraction(16, 15), 270, (576, 768)),
        ((1, 100), Fraction(1, 10), 0, (1, 100)),  # never nothing
    ],
)
def test_shown_size(stored: tuple[int, int], aspect: Fraction, turn: int, shown: tuple[int, int]) -> None:
    assert shown_size(*stored, aspect, turn) == shown


@pytest.mark.parametrize(
    ("tick", "at", "length", "rate"),
    [
        (Fraction(1, 24000), [n * 1001 for n in range(96)], 1001, Fraction(24000, 1001)),
        (Fraction(1, 1000), [round(n * 1001 / 24) for n in range(96)], 41, Fraction(24000, 1001)),  # Matroska's milliseconds
        (Fraction(1, 1000), [round(n * 1000 / 24) for n in range(96)], 41, Fraction(24)),
        (Fraction(1, 90000), [n * 3003 for n in range(50)], 3003, Fraction(30000, 1001)),
        (Fraction(1, 1000), [0, 100, 200, 900], 100, Fraction(10, 3)),  # variable: 3 gaps in 0.9 s
        (Fraction(1, 12800), [0], 512, Fraction(25)),  # one frame, by its own length
        (Fraction(1, 12800), [0], 0, None),
        (Fraction(1, 12800), [], 0, None),
    ],
)
def test_frame_rate(tick: Fraction, at: list[int], length: int, rate: Fraction | None) -> None:
    assert frame_rate(track("video", tick=tick, at=at, length=length)) == rate


@pytest.mark.parametrize(
    ("video_end", "audio_end", "claimed", "expected"),
    [
        (4000, None, None, 4000),
        (4000, 4015, None, 4000),  # 15 ms behind the picture is less than a packet of 21: padding
        (4000, 4060, None, 4060),  # 60 is not
        (4000, 3000, None, 4000),
        (None, 5016, 5000, 5000),  # alone: padding by the container's own word
        (None, 5016, None, 5016),
    ],
)
def test_duration(video_end: int | None, audio_end: int | None, claimed: int | None, expected: int) -> None:
    tick = Fraction(1, 1000)
    video = track("video", tick=tick, at=[0, video_end - 40], length=40) if video_end else None
    audio = track("audio", tick=tick, at=[0, audio_end - 21], length=21, codec="aac") if audio_end else None
    assert duration_s(video, audio, Fraction(claimed, 1000) if claimed else None) * 1000 == expected


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        *(("yuv420p", 8), ("yuv420p10le", 10), ("yuva444p12le", 12), ("gbrp16be", 16), ("p010le", 10), ("nv12", 8)),
        *(("gray", 8), ("gray10le", 10), ("rgb24", 8), ("rgb48le", 16), ("rgba64be", 16), ("yuvj420p", 8), ("", 8)),
    ],
)
def test_bit_depth(name: str, bits: int) -> None:
    assert bit_depth(name) == bits


LOG = """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'source':
  Metadata:
    title           : a song
                    :   Duration: 99:00:00.00, start
                    :   Stream #0:7: Video: theora, yuv420p, 9x9
  Duration: 00:01:02.50, start: 0.000000, bitrate: 239 kb/s
  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, mono, fltp, 101 kb/s (default)
  Stream #0:1[0x2](eng): Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive), 1280x720\
, 25 fps
    Side data:
      Display Matrix: rotation of -90.00 degrees
Stream mapping:
  Stream #0:1 -> #0:0 (copy)
  Stream #0:0 -> #0:1 (copy)
Output #0, framecrc, to 'pipe:':
  Stream #0:0: Video: hevc, rgb24, 1x1
"""


def test_a_description_is_read_and_a_tag_cannot_pass_for_one() -> None:
    found = read_description(LOG)
    assert found.duration_s == Fraction("62.5")
    assert set(found.streams) == {0, 1}
    assert found.of(0) == Described(
        kind="video", turn_deg=90, pixel_format="yuv420p10le", colour="tv, bt2020nc/bt2020/smpte2084, progressive"
    )
    assert found.of(1).kind == "audio"


def test_a_guessed_duration_is_no_claim() -> None:
    assert read_description("[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate\n" + LOG).duration_s is None


def test_facts_of_a_video() -> None:
    timeline = Timeline(tracks={0: track("video", tick=Fraction(1, 25), at=list(range(1562)), length=1, codec="hevc")})
    facts = stream_facts(timeline, read_description(LOG), CONTAINERS["mp4"], MediaLimits())
    assert (facts["width_px"], facts["height_px"], facts["rotation_deg"]) == (720, 1280, 90)
    assert (facts["frames"], facts["frame_rate"], facts["bit_depth"], facts["hdr"]) == (1562, 25.0, 10, "pq")


@pytest.mark.parametrize(
    ("timeline", "limits", "error", "words"),
    [
        (Timeline(), MediaLimits(), Unsupported, "neither picture nor sound"),
        (Timeline(tracks={0: Track(kind="video", codec="h264")}), MediaLimits(), BadInput, "no frames"),
        (Timeline(tracks={0: Track(kind="video", codec="theora")}), MediaLimits(), Unsupported, "theora"),
        (Timeline(tracks={0: Track(kind="audio", codec="ac3")}), MediaLimits(), Unsupported, "ac3"),
        (Timeline(tracks={0: track("video", tick=Fraction(1, 25), at=[0, 24], length=1)}), MediaLimits(), BadInput, "promises 62.5"),
        (Timeline(tracks={0: track("video", tick=Fraction(1), at=[0, 3_600_000], length=1)}), MediaLimits(), LimitExceeded, "1000.0 hours"),
        (
            Timeline(tracks={0: track("video", tick=Fraction(1), at=[0, 62], length=1, size=(16000, 9000))}),
            MediaLimits(),
            LimitExceeded,
            "16000 × 9000|9000 × 16000",
        ),
        (
            Timeline(tracks={0: track("video", tick=Fraction(1), at=list(range(63)), length=1)}),
            MediaLimits(max_frames=62),
            LimitExceeded,
            "63 frames; at most 62",
        ),
        (
            Timeline(tracks={0: track("video", tick=Fraction(1, 1001), at=list(range(62563)), length=1)}),
            MediaLimits(),
            LimitExceeded,
            "1001 frames a second; at most 1000",
        ),
    ],
)
def test_refusals(timeline: Timeline, limits: MediaLimits, error: type[FunctionError], words: str) -> None:
    with pytest.raises(error, match=words):
        stream_facts(timeline, read_description(LOG), CONTAINERS["mp4"], limits)


@pytest.mark.parametrize(
    ("returncode", "log", "error"),
    [
        (1, "moov atom not found", BadInput),
        (0, "[mov] stream 0, offset 0x30: partial file", BadInput),
        (1, "Output file #0 does not contain any stream", Unsupported),
        (0, "[mjpeg @ 0x1] Picture size 16000x9000 exceeds specified max pixel count 40000000", LimitExceeded),
        (1, "whatever", BadInput),
        (-11, "", ToolFailed),
    ],
)
def test_the_end_of_the_pass(returncode: int, log: str, error: type[FunctionError]) -> None:
    with pytest.raises(error):
        judge_end(MP4, returncode, log)
    judge_end(MP4, 0, "  Metadata:\n    title  : how to mend a partial file\nframe= 1")


@pytest.mark.parametrize(
    ("log", "met"),
    [
        ("Number of streams exceeds max_streams parameter (16)", True),
        ("Number of tracks exceeds max_streams (16)", True),
        ("The number of streams exceeds max_streams", True),
        ("  Metadata:\n    title  : exceeds max_streams", False),
    ],
)
def test_the_bound_of_streams_by_each_demuxers_words(log: str, met: bool) -> None:
    assert has_too_many_streams(log) is met


def test_too_many_streams_are_counted_where_they_can_be() -> None:
    assert too_many_streams(MP4, 20, 16).message == f"This file, {MP4.label}, holds 20 streams; at most 16 are taken."
    assert too_many_streams(MP4, None, 16).message == f"This file, {MP4.label}, holds many more streams; at most 16 are taken."


def test_a_refusal_names_what_it_is_and_what_is_taken() -> None:
    error = refusal(Identity(container=None, label="an SVG drawing"), "JPEG and MP4")
    assert isinstance(error, Unsupported)
    assert error.message == "This is an SVG drawing; taken are JPEG and MP4."
    assert isinstance(refusal(Identity(container=None, label="an empty file"), ""), BadInput)
