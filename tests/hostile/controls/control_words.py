"""Controls: what a media says beside its picture is in the artifact where what strips it is taken away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from functions.thumbnail.work import thumbnail
from functions.transcode import transcode as transcode_module
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ThumbnailParameters
from tests import media
from tests.hostile.judge import _run, examine
from tests.hostile.test_disguises import STILLS, located_clip
from tests.hostile.wiring import without

FACTS = {"width_px": 320, "height_px": 200, "sha256": "0" * 64, "bytes": 1}


def thumbnail_of(source: Path, out: Path, format: str) -> bytes:
    """A thumbnail's bytes."""
    container = {"jpg": "jpeg"}.get(source.suffix[1:], source.suffix[1:])
    facts = MediaFacts.model_validate({"kind": Kind.IMAGE, "container": container, **FACTS})
    parameters = ThumbnailParameters.model_validate({"format": format})
    (made,) = _run(thumbnail, parameters, facts, source, out).outputs
    return made.path.read_bytes()


def test_a_comment_is_in_a_thumbnail(tmp_path: Path) -> None:
    source = media.secretive_jpeg(tmp_path / "a.jpg")
    assert media.SECRET not in thumbnail_of(source, tmp_path / "held", "jpeg")
    with without("strip"):
        assert media.SECRET in thumbnail_of(source, tmp_path / "out", "jpeg")


@pytest.mark.parametrize(("name", "format"), [*((name, "webp") for name in STILLS), *(("a.jpg", format) for format in ("jpeg", "avif"))])
def test_the_place_is_in_a_thumbnail(tmp_path: Path, name: str, format: str) -> None:
    source = media.located_still(tmp_path / name)
    with without("pixels alone"):
        thumbnail_of(source, tmp_path / "out", format)
    (made,) = (tmp_path / "out").glob("thumbnail.*")
    assert media.place_in(made) == media.place_in(source)
    thumbnail_of(source, tmp_path / "held", format)
    (held,) = (tmp_path / "held").glob("thumbnail.*")
    assert not media.place_in(held)
    with Image.open(held) as image:
        assert not dict(image.getexif())


def keeping(*options: str) -> Callable[..., list[str]]:
    """The argv of a rendition without these options."""
    whole = transcode_module.rendering

    def fewer(**arguments: Any) -> list[str]:
        argv = whole(**arguments)
        for name in options:
            while name in argv:
                at = argv.index(name)
                del argv[at : at + 2]
        return argv

    return fewer


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_place_is_in_a_rendition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    source = located_clip(tmp_path / f"a.{suffix}")
    assert examine(source, ("transcode",), keep=tmp_path / "held").outcome == "done"
    assert not media.place_in(tmp_path / "held/transcode/video.mp4")
    monkeypatch.setattr(transcode_module, "rendering", keeping("-map_metadata"))
    assert examine(source, ("transcode",), keep=tmp_path / "out").outcome == "done"
    assert media.place_in(tmp_path / "out/transcode/video.mp4") in media.place_in(source)
    assert media.place_in(tmp_path / "out/transcode/video.mp4")
