"""Posters, with the real ffmpeg in the real sandbox: a frame that shows something, upright, in its right colours, found cheaply."""

import threading
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from functions.errors import BadInput, Stopped, Unsupported
from functions.runtime.job import Job, Outcome
from functions.thumbnail.plan import Look
from functions.thumbnail.poster import look_argv
from functions.thumbnail.work import thumbnail
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ThumbnailParameters
from tests import media

CONTAINERS = {".mov": "mp4", ".mp4": "mp4", ".webm": "webm", ".mkv": "matroska", ".ts": "mpegts", ".avi": "avi", ".mp3": "mp3"}
SAMPLES = Path(__file__).parents[4] / "sample_data"


def facts_of(source: Path, **more: object) -> MediaFacts:
    """What a probe would say: 2 s of 320 × 180 unless told otherwise."""
    known = {
        "kind": Kind.VIDEO,
        "width_px": 320,
        "height_px": 180,
        "duration_ms": 2000,
        "video_codec": "h264",
        "bytes": source.stat().st_size,
    }
    return MediaFacts.model_validate({"container": CONTAINERS[source.suffix], "sha256": "0" * 64, **known, **more})


def job_of(source: Path, facts: MediaFacts, *, stopped: bool = False, **parameters: object) -> Job:
    out = source.parent / f"out-{source.stem}"
    out.mkdir()
    return Job(
        operation="thumbnail",
        parameters=ThumbnailParameters.model_validate(parameters),
        facts=facts,
        source=source,
        filename=source.name,
        out=out,
        deadline_s=60,
        progress=lambda _: None,
        stopped=lambda: stopped,
    )


def picture(outcome: Outcome) -> Image.Image:
    """The one artifact, opened; its facts must be so."""
    (output,) = outcome.outputs
    image = Image.open(output.path)
    image.load()
    assert (output.width_px, output.height_px) == image.size
    assert output.path.parent.name.startswith("out-")  # in the folder for outputs itself, as the runtime asks
    return image


def looks_taken(outcome: Outcome) -> int:
    return len(list(outcome.outputs[0].path.parent.glob("look-*")))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("a.mp4", {}),
        ("a.mp4", {"rotation_deg": 90}),
        ("a.mov", {"rotation_deg": 180}),
        ("a.mp4", {"rotation_deg": 270}),
        ("a.webm", {"codec": "vp8"}),
        ("a.webm", {"codec": "vp9"}),
        ("a.mkv", {"codec": "av1"}),
        ("a.avi", {"codec": "mpeg4", "channels": 0}),
        ("a.ts", {"start_ms": 5000}),
        ("a.ts", {"interlaced": True}),
        ("a.mp4", {"variable_rate": True, "picture_delay_ms": 400}),
    ],
)
def test_corners_and_colours_are_right(tmp_path: Path, name: str, more: dict[str, object]) -> None:
    source = media.clip(tmp_path / name, **more)  # type: ignore[arg-type]
    outcome = thumbnail(job_of(source, facts_of(source, video_codec=more.get("codec", "h264")), longest_edge_px=160))
    image = picture(outcome)
    assert image.size == (160, 90)
    assert media.corner_colours(image) == media.CORNERS
    truth = media.frame_at(source, 600).resize((160, 90), Image.Resampling.LANCZOS)
    for at in ((8, 8), (150, 8), (8, 80), (150, 80)):  # a matrix that is wrong is wrong by 15 to 24
        assert all(abs(a - b) <= 8 for a, b in zip(image.getpixel(at), truth.getpixel(at), strict=True))  # type: ignore[arg-type]
    assert looks_taken(outcome) == 1


def test_wide_pixels_are_made_square(tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", size_px=(240, 180), sar="4:3")
    image = picture(thumbnail(job_of(source, facts_of(source, width_px=320, height_px=180))))
    assert image.size == (320, 180)
    assert media.corner_colours(image) == media.CORNERS


def test_hd_that_names_no_matrix_is_bt709(tmp_path: Path) -> None:
    plain, source = media.clip(tmp_path / "plain.mkv", size_px=(1280, 720), seconds=0.2), tmp_path / "a.mp4"
    untagged = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    media.ffmpeg("-i", plain, "-an", "-vf", untagged, source)
    assert "bt709" not in media.stream_info(source).text
    image = picture(thumbnail(job_of(source, facts_of(source, width_px=1280, height_px=720, duration_ms=200))))
    assert all(abs(a - b) <= 8 for a, b in zip(image.getpixel((12, 12)), (200, 40, 40), strict=True))  # type: ignore[arg-type]


def test_interlaced_lines_do_not_show(tmp_path: Path) -> None:
    """In a panning shot woven of two fields a line is nearer to the second next one than to its neighbour: the ratio is above 1."""
    source = tmp_path / "a.ts"
    source.symlink_to(SAMPLES / "broadcast.ts")
    facts = facts_of(source, width_px=768, height_px=576, duration_ms=3000)
    image = picture(thumbnail(job_of(source, facts, longest_edge_px=768, format="jpeg"))).convert("L")

    def unlikeness(lines: int) -> float:
        low = image.crop((0, lines, 768, 576))
        return ImageStat.Stat(ImageChops.difference(low, image.crop((0, 0, 768, 576 - lines)))).mean[0]

    assert unlikeness(1) / unlikeness(2) < 0.8


@pytest.mark.parametrize("hdr", ["pq", "hlg"])
def test_hdr_is_tone_mapped(tmp_path: Path, hdr: str) -> None:
    source = media.hdr_ramp_clip(tmp_path / "a.mp4", hdr=hdr)  # type: ignore[arg-type]
    facts = facts_of(source, width_px=640, height_px=180, duration_ms=200, video_codec="hevc", hdr=hdr)
    image = picture(thumbnail(job_of(source, facts, format="jpeg", longest_edge_px=640)))
    steps = [image.getpixel((40 + 80 * i, 40))[1] for i in range(8)]  # type: ignore[index]
    assert all(later - earlier >= 3 for earlier, later in pairwise(steps)), steps  # clipped, the last are equal
    red, green, blue = image.getpixel((320, 140))  # type: ignore[misc]
    assert abs(red - green) <= 24
    assert blue < 80 < red


@pytest.mark.parametrize(("longest_edge_px", "size"), [(201, (201, 57)), (196, (196, 55)), (160, (160, 45))])  # 180 / 640 * 201 = 56.5
def test_hdr_of_odd_size(tmp_path: Path, longest_edge_px: int, size: tuple[int, int]) -> None:
    source = media.hdr_ramp_clip(tmp_path / "a.mp4", hdr="hlg")
    facts = facts_of(source, width_px=640, height_px=180, duration_ms=200, video_codec="hevc", hdr="hlg")
    assert picture(thumbnail(job_of(source, facts, longest_edge_px=longest_edge_px))).size == size


@pytest.mark.parametrize(
    ("black_frames", "keyframe_every"),
    [(15, 12), (40, 12), (12, 1000), (25, 1000), (43, 1000)],  # of 50 frames; 1000: a single keyframe, which is black
)
def test_a_black_beginning_is_passed_over(tmp_path: Path, black_frames: int, keyframe_every: int) -> None:
    source = media.clip(tmp_path / "a.mp4", black_frames=black_frames, keyframe_every=keyframe_every, channels=0)
    outcome = thumbnail(job_of(source, facts_of(source)))
    assert media.corner_colours(picture(outcome)) == media.CORNERS
    assert looks_taken(outcome) <= 10


def test_black_only_if_all_is_black(tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", black_frames=50, channels=0)
    outcome = thumbnail(job_of(source, facts_of(source)))
    assert max(high for _, high in picture(outcome).getextrema()) < 16  # type: ignore[misc]
    assert looks_taken(outcome) <= 10


def test_plain_colour_is_better_than_black(tmp_path: Path) -> None:
    """Black but for its last three tenths, which are plain red: luma has no spread anywhere."""
    source = tmp_path / "a.mp4"
    media.ffmpeg("-f", "lavfi", "-i", "color=red:s=320x180:r=25:d=2,drawbox=t=fill:color=black:enable='lt(t,1.4)'", "-g", "5", source)
    red, green, _ = picture(thumbnail(job_of(source, facts_of(source)))).getpixel((160, 90))  # type: ignore[misc]
    assert red > 200 > 60 > green


@pytest.mark.parametrize(("frames", "known"), [(1, {"frames": 1, "duration_ms": 40}), (1, {"duration_ms": None}), (2, {"duration_ms": 80})])
def test_the_shortest_clips(tmp_path: Path, frames: int, known: dict[str, object]) -> None:
    source = media.clip(tmp_path / "a.mp4", seconds=frames / 25, channels=0)
    outcome = thumbnail(job_of(source, facts_of(source, **known)))
    assert media.corner_colours(picture(outcome)) == media.CORNERS
    assert looks_taken(outcome) == 1


def test_a_clip_cut_short_may_give_a_poster(tmp_path: Path) -> None:
    whole = media.clip(tmp_path / "whole.mp4", faststart=True)
    source = media.truncated(whole, tmp_path / "a.mp4", 0.6)
    assert media.corner_colours(picture(thumbnail(job_of(source, facts_of(source))))) == media.CORNERS


def test_nothing_that_can_be_decoded_is_bad_input(tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4", channels=0)
    data = source.read_bytes()
    at = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    source.write_bytes(data[:at] + bytes(end - at) + data[end:])
    with pytest.raises(BadInput, match="frame"):
        thumbnail(job_of(source, facts_of(source)))


def test_sound_is_unsupported_cover_or_not(tmp_path: Path) -> None:
    source = media.sound_file(tmp_path / "a.mp3", cover=True)
    with pytest.raises(Unsupported):
        thumbnail(job_of(source, facts_of(source, kind=Kind.AUDIO)))


def test_attached_cover_of_a_video_is_not_its_picture(tmp_path: Path) -> None:
    plain, cover, source = media.clip(tmp_path / "plain.mp4"), tmp_path / "cover.jpg", tmp_path / "a.mp4"
    Image.new("RGB", (200, 200), "white").save(cover)
    order = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    media.ffmpeg("-i", plain, "-i", cover, *order, source)
    assert media.corner_colours(picture(thumbnail(job_of(source, facts_of(source))))) == media.CORNERS


def test_stop_is_heard(tmp_path: Path) -> None:
    source = media.clip(tmp_path / "a.mp4")
    with pytest.raises(Stopped):
        thumbnail(job_of(source, facts_of(source), stopped=True))


def test_seeking_comes_before_opening_and_only_keyframes_are_decoded() -> None:
    facts = MediaFacts(kind=Kind.VIDEO, container="mp4", width_px=320, height_px=180, sha256="0" * 64, bytes=1)
    cheap = look_argv(facts, Look(at_ms=400), (320, 180), Path("source"), Path("frame"))
    assert cheap.index("-ss") < cheap.index("-i")
    assert cheap[cheap.index("-skip_frame") + 1] == "nokey"
    assert "-noaccurate_seek" in cheap
    assert "-skip_frame" not in look_argv(facts, Look(at_ms=400, exact=True), (320, 180), Path("source"), Path("frame"))


def test_samples_at_once(tmp_path: Path) -> None:
    """Three threads share one image worker; the turned phone clip comes out upright."""
    sizes = {"clip.mp4": (1280, 720), "phone_rotated.mov": (720, 1280), "vp9.webm": (854, 480)}
    made: dict[str, tuple[int, int]] = {}

    def one(name: str, size: tuple[int, int]) -> None:
        source = tmp_path / name
        source.symlink_to(SAMPLES / name)
        facts = facts_of(source, width_px=size[0], height_px=size[1], duration_ms=4000)
        made[name] = picture(thumbnail(job_of(source, facts))).size

    threads = [threading.Thread(target=one, args=item) for item in sizes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert made == {"clip.mp4": (320, 180), "phone_rotated.mov": (180, 320), "vp9.webm": (320, 180)}
