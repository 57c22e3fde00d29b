"""Embeddings of whole media, decoded in the real sandbox: the artifact, the mean vector, the same however a picture lies."""

import base64
from pathlib import Path

import numpy
import pytest
from PIL import Image

from functions.embed.descriptor import DIMENSIONS
from functions.embed.work import embed
from functions.errors import BadInput, Unsupported
from functions.runtime.job import Job, Outcome
from schemas.facts import Kind, MediaFacts
from schemas.parameters import EmbedParameters
from tests import media

SAMPLES = Path(__file__).parents[4] / "sample_data"


def embedded(source: Path, container: str, size: tuple[int, int] = (320, 200), *, kind: Kind = Kind.IMAGE, **more: object) -> Outcome:
    """What the work makes; `asked` (frames) and `model` are parameters, all else is facts."""
    chosen = {"frames": more.pop("asked", 8), "model": more.pop("model", "descriptor-v1")}
    known = {"kind": kind, "container": container, "width_px": size[0], "height_px": size[1], "sha256": "0" * 64, "bytes": 1, **more}
    out = source.parent / f"out-{len(list(source.parent.iterdir()))}"
    out.mkdir()
    job = Job(
        operation="embed",
        parameters=EmbedParameters.model_validate(chosen),
        facts=MediaFacts.model_validate(known),
        source=source,
        filename=source.name,
        out=out,
        deadline_s=60,
        progress=lambda _: None,
        stopped=lambda: False,
    )
    return embed(job)


def rows(outcome: Outcome) -> "numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]":
    (output,) = outcome.outputs
    assert (output.path.name, output.content_type) == ("embedding.npy", "application/x-npy")
    assert [path.name for path in output.path.parent.iterdir()] == ["embedding.npy"]  # no pixels are left lying
    found = numpy.load(output.path, allow_pickle=False)
    assert found.dtype == numpy.dtype("<f4")
    return found  # type: ignore[no-any-return]


def mean(outcome: Outcome) -> "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]":
    assert outcome.vector
    raw = base64.b64decode(outcome.vector.base64)
    assert len(raw) == 4 * outcome.vector.dimensions
    return numpy.frombuffer(raw, "<f4")


def test_a_still_has_one_row_which_is_its_vector(tmp_path: Path) -> None:
    outcome = embedded(media.still(tmp_path / "a.jpg"), "jpeg")
    assert rows(outcome).shape == (1, DIMENSIONS)
    assert outcome.vector
    assert (outcome.vector.model, outcome.vector.dimensions) == ("descriptor-v1", DIMENSIONS)
    numpy.testing.assert_allclose(mean(outcome), rows(outcome)[0], atol=1e-6)
    assert numpy.linalg.norm(mean(outcome)) == pytest.approx(1, abs=1e-5)


def test_a_picture_that_lies_on_its_side_is_the_same_picture(tmp_path: Path) -> None:
    upright = mean(embedded(media.with_orientation(tmp_path / "1.jpg", 1), "jpeg"))
    turned = mean(embedded(media.with_orientation(tmp_path / "6.jpg", 6), "jpeg"))
    assert upright @ turned > 0.99


def test_transparency_is_white_whatever_hides_behind(tmp_path: Path) -> None:
    plain = Image.new("RGB", (320, 200), "white")
    plain.paste((0, 0, 255), (0, 0, 160, 200))
    plain.save(tmp_path / "plain.png")
    assert mean(embedded(media.png_rgba(tmp_path / "a.png"), "png")) @ mean(embedded(tmp_path / "plain.png", "png")) > 0.99


def test_a_clip_has_a_row_a_frame_and_is_near_its_pictures(tmp_path: Path) -> None:
    """The demo's clip: china, flower, coffee, rocket, two seconds each."""
    source = tmp_path / "clip.mp4"
    source.symlink_to(SAMPLES / "clip.mp4")
    known = {"duration_ms": 8000, "frames": 240, "frame_rate": 30.0, "video_codec": "h264"}
    outcome = embedded(source, "mp4", (1280, 720), kind=Kind.VIDEO, asked=4, **known)
    assert rows(outcome).shape == (4, DIMENSIONS)
    expected = rows(outcome).mean(0)
    numpy.testing.assert_allclose(mean(outcome), expected / numpy.linalg.norm(expected), atol=1e-5)
    stills = []
    for name in ("china.jpg", "flower.jpg", "coffee.png", "rocket.jpg"):
        (tmp_path / name).symlink_to(SAMPLES / name)
        stills.append(mean(embedded(tmp_path / name, "jpeg" if name.endswith("jpg") else "png")))
    assert (rows(outcome) @ numpy.stack(stills).T).argmax(1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("known", [{"duration_ms": 40, "frames": 1}, {"duration_ms": 40}, {"duration_ms": None}])
def test_a_clip_of_one_frame(tmp_path: Path, known: dict[str, object]) -> None:
    source = media.clip(tmp_path / "a.mp4", seconds=0.04, channels=0)
    assert rows(embedded(source, "mp4", (320, 180), kind=Kind.VIDEO, **known)).shape == (1, DIMENSIONS)


def test_a_turned_clip_is_the_same_clip(tmp_path: Path) -> None:
    known = {"kind": Kind.VIDEO, "duration_ms": 400, "frames": 10, "video_codec": "h264"}
    plain = media.clip(tmp_path / "plain.mp4", seconds=0.4)
    turned = media.clip(tmp_path / "turned.mp4", seconds=0.4, rotation_deg=90)
    assert mean(embedded(plain, "mp4", (320, 180), **known)) @ mean(embedded(turned, "mp4", (320, 180), **known)) > 0.98  # type: ignore[arg-type]


def test_what_cannot_be_embedded(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="Sound"):
        embedded(media.sound_file(tmp_path / "a.mp3"), "mp3", kind=Kind.AUDIO)
    whole = media.still(tmp_path / "a.png")
    with pytest.raises(BadInput):
        embedded(media.truncated(whole, tmp_path / "cut.png"), "png")
    (tmp_path / "a.mp4").write_bytes(bytes(5000))
    with pytest.raises(BadInput):
        embedded(tmp_path / "a.mp4", "mp4", kind=Kind.VIDEO, duration_ms=1000)


def test_openclip_without_weights_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENCLIP_MODEL", raising=False)
    with pytest.raises(Unsupported, match="OPENCLIP_MODEL"):
        embedded(media.still(tmp_path / "a.jpg"), "jpeg", model="openclip")
