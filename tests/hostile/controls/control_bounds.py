"""Controls: how long and how large a rendition gets where ffmpeg is not told when to stop, and what a size that changes does to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.errors import FunctionError
from functions.transcode import transcode as transcode_module
from schemas.facts import Kind, MediaFacts
from schemas.parameters import TranscodeParameters
from tests import media
from tests.hostile.controls.control_words import keeping
from tests.hostile.judge import _run, examine


def rendered(source: Path, out: Path, facts: MediaFacts) -> tuple[str, Path]:
    """A transcode's sentence, and what it left."""
    try:
        _run(transcode_module.transcode, TranscodeParameters(short_side_px=240), facts, source, out)
    except FunctionError as exc:
        return exc.message, out / "video.mp4"
    return "done", out / "video.mp4"


def facts_of(source: Path, **said: object) -> MediaFacts:
    info = media.stream_info(source)
    return MediaFacts.model_validate(
        {
            **{"kind": Kind.VIDEO, "container": "matroska", "width_px": info.width_px, "height_px": info.height_px},
            **{"duration_ms": info.duration_ms, "frame_rate": 25, "video_codec": "h264", "sha256": "0" * 64, "bytes": 1},
            **said,
        }
    )


def test_a_media_that_lies_about_its_length_is_encoded_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-t`: 30 s that say 1 s are encoded for 11."""
    source = media.clip(tmp_path / "a.mkv", seconds=30, size_px=(64, 48), channels=0)
    facts = facts_of(source, duration_ms=1000)
    held = rendered(source, tmp_path / "held", facts)
    assert "goes on for 11 s" in held[0]
    assert 10_000 < (media.stream_info(held[1]).duration_ms or 0) < 12_000
    monkeypatch.setattr(transcode_module, "rendering", keeping("-t"))
    encoded = rendered(source, tmp_path / "out", facts)
    assert (media.stream_info(encoded[1]).duration_ms or 0) > 29_000


def test_a_rendition_is_written_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-fs`: what is refused afterwards has not been written first."""
    source, noise = tmp_path / "a.mkv", "color=gray:s=320x240:r=25:d=8,noise=alls=60:allf=t"
    media.ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", source)
    monkeypatch.setenv("MEDIA_MAX_RENDITION_BYTES", "200000")
    sentence, held = rendered(source, tmp_path / "held", facts_of(source))
    assert "larger than the 200000 bytes" in sentence
    monkeypatch.setattr(transcode_module, "rendering", keeping("-fs"))
    _, whole = rendered(source, tmp_path / "out", facts_of(source))
    assert whole.stat().st_size > 2 * held.stat().st_size


def unscaled(*, autoscale: bool) -> Callable[..., list[str]]:
    """The argv of a rendition whose filters leave each frame's size as it is."""
    whole = transcode_module.rendering

    def careless(**arguments: Any) -> list[str]:
        argv = whole(**arguments)
        at = argv.index("-vf")
        argv[at + 1] = argv[at + 1].replace("scale=320:180", "scale=iw:ih")
        return argv if autoscale else [*argv[:at], "-noautoscale", *argv[at:]]

    return careless


@pytest.mark.parametrize(("autoscale", "outcome"), [(True, "done"), (False, "tool")])
@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_size_that_changes_breaks_a_rendition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, autoscale: bool, outcome: str
) -> None:
    """The explicit scale; where it is gone, ffmpeg's own at the encoder is left, and without that x264 gets frames of other sizes."""
    source = media.size_change_clip(tmp_path / f"a.{suffix}", ((320, 180), (160, 90), (96, 200)), frames_each=10)
    assert examine(source, ("transcode",)).outcome == "done"
    monkeypatch.setattr(transcode_module, "rendering", unscaled(autoscale=autoscale))
    assert examine(source, ("transcode",)).outcome == outcome
