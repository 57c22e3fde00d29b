"""Controls: what a media says beside its picture is in the artifact where what strips it is taken away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from functions.thumbnail.work import thumbnail
from functions.transcode import transcode as transcode_module
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ThumbnailParameters
from tests import media
from tests.hostile.judge import _run, examine
from tests.hostile.test_disguises import located_clip
from tests.hostile.wiring import without

FACTS = {"width_px": 320, "height_px": 200, "sha256": "0" * 64, "bytes": 1}


def thumbnail_of(source: Path, out: Path, format: str) -> bytes:
    """A thumbnail's bytes."""
    facts = MediaFacts.model_validate({"kind": Kind.IMAGE, "container": "jpeg", **FACTS})
    parameters = ThumbnailParameters.model_validate({"format": format})
    (made,) = _run(thumbnail, parameters, facts, source, out).outputs
    return made.path.read_bytes()


def test_a_comment_is_in_a_thumbnail(tmp_path: Path) -> None:
    source = media.secretive_jpeg(tmp_path / "a.jpg")
    assert media.SECRET not in thumbnail_of(source, tmp_path / "held", "jpeg")
    with without("strip"):
        assert media.SECRET in thumbnail_of(source, tmp_path / "out", "jpeg")


@pytest.mark.parametrize("format", ["webp", "jpeg", "avif"])
def test_the_place_is_in_a_thumbnail(tmp_path: Path, format: str) -> None:
    source = media.secretive_jpeg(tmp_path / "a.jpg")
    with without("pixels alone"):
        thumbnail_of(source, tmp_path / "out", format)
    (made,) = (tmp_path / "out").glob("thumbnail.*")
    with Image.open(made) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.GPSInfo)[29] == media.SECRET.decode()
    assert b"xmpmeta" in made.read_bytes()
    thumbnail_of(source, tmp_path / "held", format)
    (held,) = (tmp_path / "held").glob("thumbnail.*")
    with Image.open(held) as image:
        assert not dict(image.getexif())
    assert b"xmpmeta" not in held.read_bytes()


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


def test_the_place_is_in_a_rendition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = located_clip(tmp_path / "a.mp4")
    assert b"loci" in source.read_bytes()  # 3GPP TS 26.244, 8.8: the place as an MP4 has it
    assert examine(source, ("transcode",), keep=tmp_path / "held").outcome == "done"
    assert b"loci" not in (tmp_path / "held/transcode/video.mp4").read_bytes()
    monkeypatch.setattr(transcode_module, "rendering", keeping("-map_metadata"))
    assert examine(source, ("transcode",), keep=tmp_path / "out").outcome == "done"
    assert b"loci" in (tmp_path / "out/transcode/video.mp4").read_bytes()
