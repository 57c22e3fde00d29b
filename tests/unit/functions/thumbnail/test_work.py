"""Stills through the real image worker: each plugin and each encoder must run confined."""

from pathlib import Path

import pytest
from PIL import Image

from functions.errors import BadInput, LimitExceeded
from functions.media.formats import CONTAINERS
from functions.runtime.job import Job, Output
from functions.thumbnail.plan import ENCODINGS
from functions.thumbnail.work import thumbnail
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ThumbnailParameters
from tests import media

STILLS = [name for name, container in CONTAINERS.items() if container.kind is Kind.IMAGE]


def made(source: Path, container: str, **parameters: object) -> Output:
    out = source.parent / f"out-{len(list(source.parent.iterdir()))}"
    out.mkdir()
    job = Job(
        operation="thumbnail",
        parameters=ThumbnailParameters.model_validate(parameters),
        facts=MediaFacts(kind=Kind.IMAGE, container=container, width_px=320, height_px=200, sha256="0" * 64, bytes=1),
        source=source,
        filename=source.name,
        out=out,
        deadline_s=60,
        progress=lambda _: None,
        stopped=lambda: False,
    )
    (output,) = thumbnail(job).outputs
    assert list(out.iterdir()) == [output.path]
    return output


@pytest.mark.parametrize("container", STILLS)
def test_every_kind_of_still(tmp_path: Path, container: str) -> None:
    output = made(media.still(tmp_path / f"a.{container}"), container, longest_edge_px=64)
    assert (output.path.name, output.content_type, output.width_px, output.height_px) == ("thumbnail.webp", "image/webp", 64, 40)
    assert media.corner_colours(output.path) == media.CORNERS


@pytest.mark.parametrize("format", list(ENCODINGS))
def test_every_encoder(tmp_path: Path, format: str) -> None:
    output = made(media.png_rgba(tmp_path / "a.png"), "png", format=format, longest_edge_px=64)
    assert (output.path.name, output.content_type) == (ENCODINGS[format].name, ENCODINGS[format].content_type)
    with Image.open(output.path) as image:
        assert (image.size, image.mode) == ((64, 40), "RGB" if format == "jpeg" else "RGBA")


def test_what_is_wrong_keeps_its_class_on_the_way_out_of_the_worker(tmp_path: Path) -> None:
    whole = media.still(tmp_path / "a.png")
    with pytest.raises(BadInput):
        made(media.truncated(whole, tmp_path / "cut.png"), "png")
    Image.new("1", (10_000, 5_001)).save(tmp_path / "large.png")  # 50.01 megapixels
    with pytest.raises(LimitExceeded, match="50 megapixels"):
        made(tmp_path / "large.png", "png")
    assert made(whole, "png").width_px == 320  # and the next file is none the worse
