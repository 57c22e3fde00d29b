from fractions import Fraction
from pathlib import Path

import pytest

from functions.transcode.look import Look, read_look
from functions.transcode.plan import filters, longest_s, rendering, rendition_size
from schemas.facts import Kind, MediaFacts


def facts(**values: object) -> MediaFacts:
    base = {"kind": Kind.VIDEO, "container": "mp4", "width_px": 1920, "height_px": 1080, "frame_rate": 25.0, "duration_ms": 4000}
    return MediaFacts(**{**base, "video_codec": "h264", "audio_codec": "aac", "sha256": "0" * 64, "bytes": 1, **values})


def argv(the_facts: MediaFacts, look: Look | None = None) -> list[str]:
    return rendering(
        facts=the_facts,
        look=look or Look(width_px=1920, height_px=1080),
        size_px=(854, 480),
        source=Path("/in/source"),
        target=Path("/out/video.mp4"),
        listing=Path("/out/packets.txt"),
        threads=2,
        max_bytes=1000,
    )


@pytest.mark.parametrize(
    ("shown", "short_side_px", "expected"),
    [
        ((1920, 1080), 480, (854, 480)),  # 1920 × 480 / 1080 = 853.3
        ((1080, 1920), 480, (480, 854)),
        ((640, 480), 480, (640, 480)),
        ((768, 576), 480, (640, 480)),
        ((3840, 2160), 1080, (1920, 1080)),
        ((320, 240), 1080, (320, 240)),  # never larger
        ((321, 241), 480, (320, 240)),  # 321 × 240 / 241 = 319.7
        ((427, 240), 240, (426, 240)),  # 428 would be larger than the source
        ((1080, 607), 480, (854, 480)),  # 1080 × 480 / 607 = 854.0
        ((1920, 1080), 241, (426, 240)),  # an odd wish: 1920 × 240 / 1080 = 426.7, the nearest even
        ((1000, 1000), 333, (332, 332)),
        ((1, 1), 240, (2, 2)),  # 4:2:0 has no single pixels
        ((16, 9000), 240, (16, 9000)),
    ],
)
def test_rendition_size(shown: tuple[int, int], short_side_px: int, expected: tuple[int, int]) -> None:
    assert rendition_size(*shown, short_side_px) == expected


@pytest.mark.parametrize("width_px", range(240, 300))
@pytest.mark.parametrize("short_side_px", [240, 241, 250])
def test_sizes_are_even_no_larger_and_keep_the_aspect(width_px: int, short_side_px: int) -> None:
    width, height = rendition_size(width_px, 431, short_side_px)
    assert width % 2 == height % 2 == 0
    assert width <= width_px
    assert height <= 431
    assert abs(height - Fraction(431, width_px) * width) <= 1


def test_progressive_sdr_is_scaled_once() -> None:
    assert filters(facts(), Look(width_px=1920, height_px=1080, space="bt709"), (854, 480)) == (
        "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709,scale=854:480:out_range=tv,format=yuv420p,setparams=range=tv,setsar=1"
    )


def test_interlaced_frames_are_joined_before_they_are_scaled() -> None:
    chain = filters(facts(), Look(width_px=720, height_px=576, interlaced=True), (640, 480))
    assert chain.startswith("scale=720:576:interl=-1,bwdif=mode=send_frame:deint=interlaced,")
    assert chain.index("bwdif") < chain.index("scale=640:480")


@pytest.mark.parametrize(("rate", "limited"), [(59.94, False), (60.04, False), (90, True), (120, True), (None, False)])
def test_the_frame_rate_is_limited_to_60(rate: float | None, limited: bool) -> None:
    assert ("fps=60" in filters(facts(frame_rate=rate), Look(width_px=1920, height_px=1080), (854, 480))) is limited


@pytest.mark.parametrize(
    ("transfer", "hdr", "mapped"),
    [
        ("smpte2084", "pq", True),
        ("arib-std-b67", None, True),  # the frames know better than the facts
        ("unknown", "pq", True),
        ("bt709", "pq", False),
        ("bt709", None, False),
    ],
)
def test_hdr_is_tone_mapped(transfer: str, hdr: str | None, mapped: bool) -> None:
    assert (
        "tonemap=hable:desat=0" in filters(facts(hdr=hdr), Look(width_px=1920, height_px=1080, transfer=transfer), (854, 480))
    ) is mapped


def test_every_bound_is_in_the_command() -> None:
    args = argv(facts())
    of_input, of_output = args[: args.index("-i")], args[args.index("-i") :]
    assert {"-protocol_whitelist", "-format_whitelist", "-codec_whitelist", "-max_pixels", "-max_streams", "-f"} <= set(of_input)
    assert "-r" not in of_input  # it would drop an edit list's delay
    assert of_output.count("-t") == 2
    assert of_output[of_output.index("-fs") + 1] == "1000"
    assert of_output[of_output.index("-map_metadata") + 1] == of_output[of_output.index("-map_chapters") + 1] == "-1"


def test_a_clip_without_sound_maps_none() -> None:
    assert "0:a:0?" in argv(facts())
    assert "0:a:0?" not in argv(facts(audio_codec=None))


def test_keyframes_come_about_every_two_seconds() -> None:
    rates = {25.0: "50", 23.976: "48", 120.0: "120", 0.1: "1", None: "60"}
    for rate, group in rates.items():
        args = argv(facts(frame_rate=rate))
        assert args[args.index("-g") + 1] == group


def test_the_longest_is_what_the_header_says_and_some() -> None:
    assert longest_s(facts(duration_ms=100_000)) == pytest.approx(120)  # 100 × 1.1 + 10
    assert longest_s(facts(duration_ms=None)) == 6 * 3600


def test_a_look_reads_the_first_frame_and_any_interlaced_one() -> None:
    text = (
        "[Parsed_showinfo_1 @ 0x1] n:   0 pts:      0  duration: 512 fmt:yuv420p cl:left sar:16/15 s:720x576 i:P iskey:1 type:I \n"
        "[Parsed_showinfo_1 @ 0x1] color_range:tv color_space:bt470bg color_primaries:unknown color_trc:smpte170m\n"
        "[Parsed_showinfo_1 @ 0x1] n:   1 pts:    512 duration: 512 fmt:yuv420p cl:left sar:16/15 s:720x576 i:T iskey:0 type:B \n"
    )
    assert read_look(text) == Look(
        width_px=720, height_px=576, interlaced=True, range="tv", space="bt470bg", primaries="unknown", transfer="smpte170m"
    )
    assert read_look("nothing of the kind") is None
