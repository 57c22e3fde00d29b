"""What counts as whole, by table: (packets shown, decoded, errors) and the word that falls."""

from contextlib import nullcontext

import pytest

from functions.errors import BadInput, FunctionError, LimitExceeded, ToolFailed, Unsupported
from functions.media.timeline import Timeline
from functions.transcode.verdict import Decoded, check_bounds, check_made, check_source, explain, read_decoded
from schemas.facts import Kind, MediaFacts

LOG = """
[in#0/matroska @ 0x1]   Input stream #0:0 (video): 96 packets read (141846 bytes); 94 frames decoded; 2 decode errors;
[in#0/matroska @ 0x1]   Input stream #0:1 (audio): 195 packets read (39205 bytes); 190 frames decoded; 4 decode errors (194354 samples);
"""


def facts(container: str = "mp4", duration_ms: int | None = None) -> MediaFacts:
    return MediaFacts(kind=Kind.VIDEO, container=container, duration_ms=duration_ms, sha256="0" * 64, bytes=1)


def timeline(frames: int, *, codec: str = "h264", sound: int = 0, flags: str = "", leading: int = 0) -> Timeline:
    """Frames of 1 s, `leading` ones without a keyframe before them, and `sound` packets of 1 s; `flags` are those of the last frame."""
    lines = ["#tb 0: 1/1", "#media_type 0: video", f"#codec_id 0: {codec}", "#tb 1: 1/1", "#media_type 1: audio"]
    lines += [f"0, {n}, {n}, 1, 9, 0x0, F=0x0" for n in range(leading)]
    for n in range(leading, leading + frames):
        own = "" if n == leading else ", F=0x0"
        lines.append(f"0, {n}, {n}, 1, 9, 0x0{flags if flags and n == leading + frames - 1 else own}")
    lines += [f"1, {n}, {n}, 1, 9, 0x0" for n in range(sound)]
    return Timeline.of(lines)


def decoded(frames: int, errors: int = 0, sound_errors: int = 0) -> dict[str, Decoded]:
    return {"video": Decoded(frames=frames, errors=errors), "audio": Decoded(frames=9, errors=sound_errors)}


@pytest.mark.parametrize(
    ("says_ms", "read_s", "made_bytes", "words"),
    [
        (10_000, 10.0, 999, None),
        (10_000, 10.0, 1000, "larger than the 1000 bytes that are allowed"),
        (10_000, 20.0, 999, "says that it lasts 10.0 s, but goes on for 20 s"),  # 10 × 1.1 + 10 - 1
        (10_000, 19.9, 999, None),
        (None, 21_599.0, 999, "does not say how long it is, and goes on for 21599 s"),
    ],
)
def test_a_run_that_met_its_bounds(says_ms: int | None, read_s: float, made_bytes: int, words: str | None) -> None:
    with pytest.raises(LimitExceeded, match=words) if words else nullcontext():
        check_bounds(facts(duration_ms=says_ms), read_s, made_bytes, 1000, log_tail="")


def test_ffmpegs_closing_words_are_read() -> None:
    assert read_decoded(LOG) == {"video": Decoded(frames=94, errors=2), "audio": Decoded(frames=190, errors=4)}
    assert read_decoded("") == {}


@pytest.mark.parametrize(
    ("container", "source", "became", "interlaced"),
    [
        ("mp4", timeline(10), decoded(10), False),
        ("mp4", timeline(10, sound=10), decoded(10), False),
        ("mp4", timeline(10, leading=3), decoded(10), False),
        ("mp4", timeline(10, leading=3), decoded(13), False),  # some decoders show them
        ("webm", timeline(10, codec="vp8"), decoded(8), False),  # two hidden reference frames
        ("mpegts", timeline(20), decoded(10), True),  # a packet a field
        ("mpegts", timeline(10, leading=3), decoded(9, errors=4), False),  # a recording: 3 before the keyframe, the last
    ],
)
def test_whole(container: str, source: Timeline, became: dict[str, Decoded], interlaced: bool) -> None:
    check_source(facts(container), source, became, interlaced=interlaced, log_tail="")


@pytest.mark.parametrize(
    ("container", "source", "became", "words"),
    [
        ("mp4", timeline(0), decoded(0), "no frame"),
        ("mp4", timeline(10), decoded(9), "1 of its 10 frames"),
        ("mp4", timeline(10), decoded(10, errors=1), "1 pieces of its picture"),
        ("mp4", timeline(10, sound=10), decoded(10, sound_errors=2), "2 pieces of its sound"),
        ("mp4", timeline(10, sound=10), {"video": Decoded(frames=10, errors=0)}, "10 pieces of its sound"),
        ("mp4", timeline(10, flags=", F=0x2"), decoded(10), "cut short"),
        ("mpegts", timeline(10, flags=", F=0x2"), decoded(10), "cut short"),
        ("webm", timeline(10, codec="vp8"), decoded(4), "6 of its 10 frames"),
        ("mpegts", timeline(10), decoded(10, errors=1), "1 pieces"),
        ("mpegts", timeline(10, leading=3), decoded(10, errors=5), "5 pieces"),
    ],
)
def test_not_whole(container: str, source: Timeline, became: dict[str, Decoded], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check_source(facts(container), source, became, interlaced=False, log_tail="")


@pytest.mark.parametrize(
    "concealed",
    [
        "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] corrupt decoded frame",
        "[h264 @ 0x1] concealing 665 DC, 665 AC, 665 MV errors in I frame",
        "[h264 @ 0x1] error while decoding MB 14 22, bytestream -37",
    ],
)
def test_a_transport_stream_that_ends_in_a_damaged_frame_was_cut_unless_it_is_a_recording(concealed: str) -> None:
    with pytest.raises(BadInput, match="cut short"):
        check_source(facts("mpegts"), timeline(10), decoded(10), interlaced=False, log_tail=concealed)
    check_source(facts("mpegts"), timeline(10, leading=2), decoded(10), interlaced=False, log_tail=concealed)
    check_source(facts("mp4"), timeline(10), decoded(10), interlaced=False, log_tail=concealed)


@pytest.mark.parametrize(("promised_ms", "refused"), [(10_000, False), (10_500, False), (12_000, True), (None, False)])
def test_the_headers_promise(promised_ms: int | None, refused: bool) -> None:
    """10 s are there; up to half a second or a twentieth may lack."""
    promise = facts(duration_ms=promised_ms)
    if not refused:
        return check_source(promise, timeline(10), decoded(10), interlaced=False, log_tail="")
    with pytest.raises(BadInput, match=r"it says 12\.0 s, but only 10\.0 s"):
        check_source(promise, timeline(10), decoded(10), interlaced=False, log_tail="")


@pytest.mark.parametrize(
    ("made", "thinned", "words"),
    [
        (timeline(10, sound=10), False, None),
        (timeline(9, sound=10), False, "frames"),
        (timeline(9, sound=10), True, None),
        (timeline(6, sound=10), True, "end of the picture"),
        (Timeline(), True, "frames"),
        (timeline(10, sound=9), False, "sound"),
        (timeline(10), False, "sound"),
    ],
)
def test_the_rendition_is_held_against_the_source(made: Timeline, thinned: bool, words: str | None) -> None:
    source = timeline(10, sound=10)
    if words is None:
        return check_made(source, made, decoded(10), thinned=thinned, log_tail="")
    with pytest.raises(ToolFailed, match=words):
        check_made(source, made, decoded(10), thinned=thinned, log_tail="")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("[h264 @ 0x1] Picture size 16000x9000 exceeds specified max pixel count 40000000, see", LimitExceeded),
        ("[h264 @ 0x1] Codec (h264) not on whitelist 'hevc,aac'\nError opening output files: Invalid argument", Unsupported),
        ("Stream map '0:V:0' matches no streams.", BadInput),
        ("[in#0 @ 0x1] moov atom not found\nError opening input: Invalid data found when processing input", BadInput),
        ("Decode error rate 0.9 exceeds maximum error rate 0.666667", BadInput),
        ("av_interleaved_write_frame(): No space left on device", LimitExceeded),
        ("something else", ToolFailed),
    ],
)
def test_ffmpegs_words_name_the_class(words: str, error: type[FunctionError]) -> None:
    explained = explain(words)
    assert type(explained) is error
    assert explained.log_tail == words
