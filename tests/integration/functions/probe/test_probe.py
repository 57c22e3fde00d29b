"""Real files of known truth to facts, through the sandbox."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from functions.errors import BadInput, FunctionError, LimitExceeded, TimedOut, Unsupported
from functions.media.ffmpeg import ffmpeg
from functions.media.formats import MediaLimits
from functions.media.magic import identify
from functions.probe import stream
from functions.probe.main import probe
from functions.runtime import Job, Outcome
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ProbeParameters
from tests import media

SAMPLES = Path(__file__).parents[4] / "sample_data"


def job(source: Path) -> Job:
    out = source.parent / "out"
    out.mkdir(exist_ok=True)
    return Job(
        operation="probe",
        parameters=ProbeParameters(),
        facts=None,
        source=source,
        filename=source.name,
        out=out,
        deadline_s=30,
        progress=lambda done: None,
        stopped=lambda: False,
    )


def run(source: Path) -> Outcome:
    outcome = probe(job(source))
    assert not outcome.outputs
    return outcome


def facts(source: Path) -> MediaFacts:
    found = run(source).facts
    assert found
    assert found.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert found.bytes == source.stat().st_size
    return found


def test_a_reader_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SILENCE_S", 1.0)
    whole = media.clip(tmp_path / "a.ts", seconds=4)
    with media.stalled(whole, tmp_path / "half.ts") as source, pytest.raises(TimedOut, match="no progress for 1 seconds"):
        stream.read_stream(job(source), identify(whole), MediaLimits())


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_still_is_as_large_as_shown(tmp_path: Path, suffix: str, orientation: int) -> None:
    found = facts(media.with_orientation(tmp_path / f"s.{suffix}", orientation, (320, 200)))
    assert (found.kind, found.width_px, found.height_px) == (Kind.IMAGE, 320, 200)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "avif", "bmp", "tiff"])
def test_every_kind_of_still(tmp_path: Path, suffix: str) -> None:
    outcome = run(media.still(tmp_path / f"s.{suffix}"))
    assert outcome.facts
    assert outcome.content_type == "image/" + {"jpg": "jpeg"}.get(suffix, suffix)
    assert (outcome.facts.animated, outcome.facts.bit_depth, outcome.facts.duration_ms) == (False, 8, None)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (media.png_rgba, {"has_alpha": True}),
        (media.png_palette, {"has_alpha": True}),
        (media.png_16bit_grey, {"bit_depth": 16, "has_alpha": False}),
        (media.tiny, {"width_px": 1, "height_px": 1}),
    ],
)
def test_stills_have_their_facts(tmp_path: Path, build: Callable[[Path], Path], expected: dict[str, object]) -> None:
    found = facts(build(tmp_path / "s.png"))
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_profile_has_its_name(tmp_path: Path) -> None:
    assert "P3" in str(facts(media.display_p3_jpeg(tmp_path / "p.jpg")).color_profile)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_an_animation_is_one(tmp_path: Path, suffix: str) -> None:
    assert facts(media.animation(tmp_path / f"a.{suffix}", frames=3)).animated


def test_avif_is_turned_once(tmp_path: Path) -> None:
    found = facts(media.avif_turned_twice(tmp_path / "a.avif", (320, 200)))
    assert (found.width_px, found.height_px) == (320, 200)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "bmp", "tiff", "gif"])
def test_a_still_that_half_arrived_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = media.still(tmp_path / f"s.{suffix}", (640, 480))
    with pytest.raises(BadInput, match=r"cut short|no picture"):
        run(media.truncated(whole, tmp_path / f"half.{suffix}"))


def test_a_png_without_its_end_and_one_with_a_wrong_checksum_are_refused(tmp_path: Path) -> None:
    data = media.still(tmp_path / "s.png").read_bytes()
    for broken in (data[:-12], data[:100] + bytes([data[100] ^ 1]) + data[101:]):
        (tmp_path / "broken.png").write_bytes(broken)
        with pytest.raises(BadInput):
            run(tmp_path / "broken.png")


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(LimitExceeded, match=r"20000 × 20000|megapixels"):
        run(tmp_path / "bomb.png")


def made(path: Path, *options: str) -> Path:
    subprocess.run([ffmpeg(), "-v", "error", *options, str(path)], check=True)
    return path


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("streams.mp4", ("-f", "lavfi", "-i", "sine=d=0.2", *(("-map", "0") * 20)), "holds 20 streams; at most 16 are taken"),
        ("pixels.mkv", ("-f", "lavfi", "-i", "color=s=16000x9000:d=0.1:r=10", "-c:v", "mjpeg"), "more pixels"),
        ("pixels.mp4", ("-f", "lavfi", "-i", "color=s=9000x6000:d=0.1:r=10", "-c:v", "libx264", "-preset", "ultrafast"), "more pixels"),
    ],
)
def test_a_clip_that_asks_for_too_much_is_refused(tmp_path: Path, name: str, options: tuple[str, ...], words: str) -> None:
    with pytest.raises(LimitExceeded, match=words):
        run(made(tmp_path / name, *options))


def test_streams_beyond_counting_are_refused_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_COUNTED", 18)
    with pytest.raises(LimitExceeded, match="holds many more streams; at most 16 are taken"):
        run(made(tmp_path / "streams.mp4", "-f", "lavfi", "-i", "sine=d=0.2", *(("-map", "0") * 20)))


def test_an_hour_in_a_frame_is_not_believed(tmp_path: Path) -> None:
    clip = made(tmp_path / "one.mp4", "-f", "lavfi", "-i", "testsrc2=r=24000/1001", "-frames:v", "1", "-c:v", "libx264")
    data = bytearray(clip.read_bytes())
    at = data.index(b"stts") + 16  # version and flags, one entry: a count, then the length of a frame
    data[at : at + 4] = (2**31 - 1).to_bytes(4, "big")  # 2147483647 / 24000 s is a day
    clip.write_bytes(data)
    with pytest.raises(LimitExceeded, match="hours"):
        run(clip)


@pytest.mark.parametrize("fps", [25, Fraction(24000, 1001), Fraction(30000, 1001)])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "ts"])
def test_a_clip_has_its_frames_rate_and_length(tmp_path: Path, suffix: str, fps: int | Fraction) -> None:
    found = facts(media.clip(tmp_path / f"c.{suffix}", seconds=2, fps=fps))
    assert (found.kind, found.frames, found.frame_rate) == (Kind.VIDEO, round(2 * fps), float(fps))
    assert found.duration_ms == pytest.approx(1000 * round(2 * fps) / fps, abs=25)  # sound ends within a packet
    assert (found.video_codec, found.audio_codec, found.width_px, found.height_px) == ("h264", "aac", 320, 180)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_clip_is_as_large_as_shown(tmp_path: Path, turn: int) -> None:
    found = facts(media.clip(tmp_path / "c.mp4", seconds=0.4, rotation_deg=turn, size_px=(320, 180)))
    assert (found.rotation_deg, found.width_px, found.height_px) == (turn, 320, 180)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    found = facts(media.clip(tmp_path / "c.mp4", seconds=0.4, size_px=(320, 180), sar="4:3"))
    assert (found.width_px, found.height_px) == (427, 180)  # 320 * 4 / 3


@pytest.mark.parametrize("hdr", ["pq", "hlg"])
def test_hdr(tmp_path: Path, hdr: media.Hdr) -> None:
    found = facts(media.clip(tmp_path / "c.mp4", seconds=0.4, codec="hevc", hdr=hdr))
    assert (found.hdr, found.bit_depth, found.video_codec) == (hdr, 10, "hevc")


def test_a_variable_rate_is_an_average(tmp_path: Path) -> None:
    found = facts(media.clip(tmp_path / "c.mkv", seconds=1.2, fps=25, variable_rate=True))
    last_ms = media.variable_rate_times_ms(30, 25)[-1]
    assert found.frames == 30
    assert found.frame_rate == pytest.approx(29 * 1000 / last_ms, rel=0.01)


def test_one_frame(tmp_path: Path) -> None:
    assert facts(media.clip(tmp_path / "c.mp4", seconds=0.04, channels=0)).frames == 1


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("flac", "audio/flac"), ("ogg", "audio/ogg"), ("m4a", "audio/mp4")],
)
def test_sound_alone(tmp_path: Path, suffix: str, content_type: str) -> None:
    outcome = run(media.sound_file(tmp_path / f"s.{suffix}", seconds=2))
    assert outcome.facts
    assert (outcome.facts.kind, outcome.facts.width_px, outcome.content_type) == (Kind.AUDIO, None, content_type)
    assert outcome.facts.duration_ms == pytest.approx(2000, abs=25)


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac"])
def test_a_cover_is_no_video(tmp_path: Path, suffix: str) -> None:
    assert facts(media.sound_file(tmp_path / f"s.{suffix}", cover=True)).kind is Kind.AUDIO


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_clip_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    codec: media.Codec = "mpeg4" if suffix == "avi" else "h264"
    whole = media.clip(tmp_path / f"c.{suffix}", codec=codec)
    with pytest.raises(BadInput, match="cut short"):
        run(media.truncated(whole, tmp_path / f"half.{suffix}"))


def test_an_index_in_front_hides_no_cut(tmp_path: Path) -> None:
    whole = media.clip(tmp_path / "c.mp4", faststart=True)
    with pytest.raises(BadInput, match="cut short"):
        run(media.truncated(whole, tmp_path / "half.mp4", 0.9))


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg", "m4a"])
def test_sound_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(BadInput, match="cut short"):
        run(media.truncated(media.sound_file(tmp_path / f"s.{suffix}", seconds=4), tmp_path / f"half.{suffix}"))


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("page.mp4", b"<html><script>alert(1)</script>", Unsupported, "an HTML page"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", Unsupported, "an HLS playlist"),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", Unsupported, "an SVG drawing"),
        ("nothing.jpg", b"", BadInput, "an empty file"),
        ("stub.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", BadInput, "JPEG"),
        ("stub.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", BadInput, "cut short"),
        ("noise.mkv", b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska" + bytes(range(256)) * 20, BadInput, "Matroska"),
    ],
)
def test_other_things_are_refused_by_name(tmp_path: Path, name: str, data: bytes, error: type[FunctionError], words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=words):
        run(tmp_path / name)


@pytest.mark.parametrize(
    ("codecs", "named"),
    [(("-c:v", "mpeg2video", "-c:a", "mp2"), "mpeg2video"), (("-c:v", "libx264", "-c:a", "ac3"), "ac3")],
)
def test_a_codec_that_is_not_decoded_is_named(tmp_path: Path, codecs: tuple[str, ...], named: str) -> None:
    inputs = ("-f", "lavfi", "-i", "testsrc2=d=0.4", "-f", "lavfi", "-i", "sine=d=0.4")
    with pytest.raises(Unsupported, match=named):
        run(made(tmp_path / "c.mkv", *inputs, *codecs))


@pytest.mark.parametrize("name", ["broadcast.ts", "phone_rotated.mov", "hdr_hlg.mp4", "tune.mp3", "rocket.jpg"])
def test_samples_are_what_their_manifest_says(tmp_path: Path, name: str) -> None:
    manifest = json.loads((SAMPLES / "manifest.json").read_text())
    expected = next(entry for entry in manifest["files"] if entry["name"] == name)
    (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    found = facts(tmp_path / name)
    assert (found.kind, found.width_px, found.height_px) == (expected["kind"], expected["width_px"], expected["height_px"])
    if expected["duration_ms"]:
        assert found.duration_ms == pytest.approx(expected["duration_ms"], abs=manifest["duration_tolerance_ms"])
