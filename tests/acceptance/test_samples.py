"""Every sample through the public API, its artifacts looked at with another eye than ours."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests import media as eye
from tests.acceptance.system import REPOSITORY, Darkroom

SAMPLES = REPOSITORY / "sample_data"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text())
FILES = {entry["name"]: entry for entry in MANIFEST["files"]}


@pytest.fixture(scope="package")
def developed(system: Darkroom, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Name → (media, job, folder with the artifacts), all samples sent at once."""
    folder = tmp_path_factory.mktemp("artifacts")

    def develop(entry: Any) -> Any:
        media_id = system.upload(SAMPLES / entry["name"], entry["operations"] or ["none"])
        media = system.judged(media_id, 120)
        job = system.job_of(media_id, 180) if entry["operations"] else None
        for task in job["tasks"] if job else ():
            if task["artifacts"]:
                own = {**job, "tasks": [task]}
                system.artifact(own, folder / f"{entry['name']}.{task['operation']}")
        return media, job, folder

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(FILES, pool.map(develop, FILES.values()), strict=True))


@pytest.mark.parametrize("name", FILES)
def test_facts(developed: dict[str, Any], name: str) -> None:
    entry, (media, _, _) = FILES[name], developed[name]
    if "refused" in entry:
        assert (media["state"], media["error"]["class"]) == ("rejected", entry["refused"])
        assert media["error"]["message"].endswith(".")
        assert "\n" not in media["error"]["message"]
        return
    facts = media["facts"]
    assert (media["state"], facts["kind"], facts["sha256"], facts["width_px"], facts["height_px"]) == (
        "accepted", entry["kind"], entry["sha256"], entry["width_px"], entry["height_px"],
    )  # fmt: skip
    if entry["duration_ms"] is not None:
        assert abs(facts["duration_ms"] - entry["duration_ms"]) <= MANIFEST["duration_tolerance_ms"]


@pytest.mark.parametrize("name", [name for name, entry in FILES.items() if entry["operations"]])
def test_every_operation_that_fits_is_done(developed: dict[str, Any], name: str) -> None:
    _, job, _ = developed[name]
    assert job["state"] == "done", job
    assert [task["operation"] for task in job["tasks"]] == [operation.split("_")[0] for operation in FILES[name]["operations"]]


@pytest.mark.parametrize("name", [name for name, entry in FILES.items() if "thumbnail" in entry["operations"]])
def test_thumbnails(developed: dict[str, Any], name: str) -> None:
    entry, (_, _, folder) = FILES[name], developed[name]
    with Image.open(folder / f"{name}.thumbnail") as image:
        image.load()
        scale = min(1, 320 / max(entry["width_px"], entry["height_px"]))
        assert abs(image.width - entry["width_px"] * scale) <= 1
        assert abs(image.height - entry["height_px"] * scale) <= 1
        assert not image.getexif()
        assert "xmp" not in image.info
        spread = [high - low for low, high in image.convert("RGB").getextrema()]
    assert max(spread) > 100  # it shows something


def test_a_thumbnail_has_the_colours_of_its_original(developed: dict[str, Any]) -> None:
    _, _, folder = developed["china.jpg"]
    with Image.open(SAMPLES / "china.jpg") as original, Image.open(folder / "china.jpg.thumbnail") as small:
        wanted = original.convert("RGB").resize(small.size, Image.Resampling.LANCZOS)
        differences = [abs(a - b) for a, b in zip(wanted.tobytes(), small.convert("RGB").tobytes(), strict=True)]
    assert sum(differences) / len(differences) < 4


@pytest.mark.parametrize("name", [name for name, entry in FILES.items() if "transcode_480p" in entry["operations"]])
def test_transcodes(developed: dict[str, Any], name: str) -> None:
    entry, (_, _, folder) = FILES[name], developed[name]
    path = folder / f"{name}.transcode"
    info = eye.stream_info(path)
    short = min(480, entry["width_px"], entry["height_px"])
    long = short * max(entry["width_px"], entry["height_px"]) / min(entry["width_px"], entry["height_px"])
    portrait = entry["height_px"] > entry["width_px"]
    wanted = (short, long) if portrait else (long, short)
    assert abs(info.width_px - wanted[0]) <= 1
    assert abs(info.height_px - wanted[1]) <= 1
    assert (info.video_codec, info.pixel_format, info.width_px % 2, info.height_px % 2) == ("h264", "yuv420p", 0, 0)
    assert info.sound_codec in ("aac", None)
    assert eye.moov_before_mdat(path)
    frames = len(eye.frame_times_ms(path))
    source_frames = len(eye.frame_times_ms(SAMPLES / name))
    assert frames == source_frames
    assert abs(eye.frame_times_ms(path)[-1] - eye.frame_times_ms(path)[0] - entry["duration_ms"]) < 1000 / 24 * 2


def test_similar_finds_near_ones_first(system: Darkroom, developed: dict[str, Any]) -> None:
    media, _, _ = developed["cat.png"]
    answer = system.call("GET", f"/media/{media['media_id']}/similar?k=20")
    found = [item["media_id"] for item in answer["items"]]
    scores = [item["score"] for item in answer["items"]]
    assert media["media_id"] not in found
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    names = {entry["sha256"]: name for name, entry in FILES.items()}
    near = [names.get(system.media(media_id)["sha256"]) for media_id in found]
    others = [name for name in near if name not in (None, "cat.png")]  # other tests may have sent the same files
    assert others[0].startswith(("cat", "vp9"))  # the same cat in another file


def test_a_repeat_is_done_at_once_with_the_artifacts_there_are(system: Darkroom, developed: dict[str, Any]) -> None:
    media, job, _ = developed["flower.jpg"]
    again = system.call("POST", "/jobs", status=202, json={"media_id": media["media_id"], "operations": ["thumbnail"]})
    first = next(task for task in job["tasks"] if task["operation"] == "thumbnail")
    assert again["state"] == "done"
    assert again["tasks"][0]["artifacts"][0]["artifact_id"] == first["artifacts"][0]["artifact_id"]


def test_artifact_urls_take_ranges_and_only_themselves(system: Darkroom, developed: dict[str, Any]) -> None:
    _, job, _ = developed["clip.mp4"]
    artifact = next(task for task in job["tasks"] if task["operation"] == "transcode")["artifacts"][0]
    part = system.http.request("GET", artifact["url"], headers={"Range": "bytes=4-7"})
    assert (part.status, part.data, part.headers["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{artifact['bytes']}")
    forged = re.sub("(?i)signature=", r"\g<0>0", artifact["url"])
    assert forged != artifact["url"]
    assert system.http.request("GET", forged).status == 403


def test_originals_are_handed_out_as_downloads(system: Darkroom, developed: dict[str, Any]) -> None:
    media, _, _ = developed["flower.jpg"]
    answer = system.ask("GET", f"/media/{media['media_id']}/original", redirect=False)
    assert answer.status == 302
    original = system.http.request("GET", answer.headers["Location"])
    assert original.data == (SAMPLES / "flower.jpg").read_bytes()
    assert original.headers["Content-Type"] == "application/octet-stream"
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert original.headers["X-Content-Type-Options"] == "nosniff"
    if urlsplit(answer.headers["Location"]).path.startswith("/o/"):  # our own listener; no S3 store can be told to send it
        assert original.headers["Content-Security-Policy"] == "sandbox"


def test_an_orientation_is_applied(system: Darkroom, tmp_path: Path) -> None:
    for orientation in (3, 6, 8):
        path = eye.with_orientation(tmp_path / f"o{orientation}.jpg", orientation)
        job = system.run(system.upload(path), ["thumbnail"])
        system.artifact(job, tmp_path / "thumb.webp")
        with Image.open(io.BytesIO((tmp_path / "thumb.webp").read_bytes())) as image:
            assert eye.corner_colours(image) == eye.CORNERS


def test_sound_stays_with_the_picture(system: Darkroom, tmp_path: Path) -> None:
    source = eye.beep_flash_clip(tmp_path / "sync.mov")
    job = system.run(system.upload(source), ["transcode_240p"])
    system.artifact(job, tmp_path / "out.mp4")
    before = eye.first_beep_ms(source) - eye.first_flash_ms(source)
    after = eye.first_beep_ms(tmp_path / "out.mp4") - eye.first_flash_ms(tmp_path / "out.mp4")
    assert abs(after - before) <= 20


def test_no_frame_is_lost_or_doubled(system: Darkroom, tmp_path: Path) -> None:
    source = eye.clip(tmp_path / "counted.mkv", seconds=3, fps=24000 / 1001, size_px=(640, 360), rotation_deg=0)
    job = system.run(system.upload(source), ["transcode_240p"])
    system.artifact(job, tmp_path / "out.mp4")
    assert eye.read_frame_numbers(tmp_path / "out.mp4") == eye.read_frame_numbers(source)
