"""OpenCLIP with a tiny architecture and random weights: read from where the settings say, or refused by the setting's name."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from functions.embed.openclip import OpenClip, OpenClipSettings
from functions.errors import Infra, Unsupported
from infra.objects.open import open_objects
from schemas.payloads import Vector

CPU = torch.device("cpu")
TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 1, "layers": 1},
}


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("architectures")
    (folder / "darkroom-tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder)


@pytest.fixture(scope="module")
def whole() -> torch.nn.Module:
    torch.manual_seed(7)
    return open_clip.create_model("darkroom-tiny").eval()


@pytest.fixture
def weights(tmp_path: Path, whole: torch.nn.Module) -> Path:
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def loaded(weights: Path | str, *, architecture: str = "darkroom-tiny", store: str | None = None) -> OpenClip:
    return OpenClip(OpenClipSettings(architecture=architecture, weights=str(weights), object_store_url=store), CPU)


def picture(width_px: int, height_px: int) -> Image.Image:
    return Image.effect_noise((width_px, height_px), 80).convert("RGB")


def test_it_says_what_open_clip_says(weights: Path, whole: torch.nn.Module) -> None:
    model = loaded(weights)
    assert (model.name, model.dimensions) == ("openclip:darkroom-tiny", 32)
    image = picture(96, 64)
    assert model.fit(960, 640) == image.size
    raw = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(1, 64, 96, 3)
    prepared = open_clip.image_transform((64, 64), is_train=False)(image).unsqueeze(0)
    with torch.no_grad():
        expected = whole.encode_image(prepared, normalize=True)
    assert model.embed(torch.cat((raw, raw))).allclose(expected.expand(2, -1), atol=1e-5)


def test_weights_as_safetensors(tmp_path: Path, weights: Path, whole: torch.nn.Module) -> None:
    save_file(whole.state_dict(), tmp_path / "weights.safetensors")
    frame = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    assert loaded(tmp_path / "weights.safetensors").embed(frame).equal(loaded(weights).embed(frame))


def test_weights_as_an_object(tmp_path: Path, weights: Path) -> None:
    url = (tmp_path / "store").as_uri()
    open_objects(url).put_file("outputs", "models/tiny.pt", weights, content_type="application/octet-stream")
    frame = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    assert loaded("object://outputs/models/tiny.pt", store=url).embed(frame).equal(loaded(weights).embed(frame))
    with pytest.raises(Infra, match="OPENCLIP_WEIGHTS"):
        loaded("object://outputs/models/other.pt", store=url)
    with pytest.raises(Infra, match="OBJECT_STORE_URL"):
        loaded("object://outputs/models/tiny.pt")


@pytest.mark.parametrize("missing", ["OPENCLIP_MODEL", "OPENCLIP_WEIGHTS"])
def test_a_missing_setting_is_named(missing: str) -> None:
    settings = {"OPENCLIP_MODEL": "ViT-B-32", "OPENCLIP_WEIGHTS": "weights.pt"}
    assert OpenClipSettings.from_environment(settings).architecture == "ViT-B-32"
    with pytest.raises(Unsupported, match=missing):
        OpenClipSettings.from_environment({**settings, missing: ""})


@pytest.mark.parametrize("name", ["no-such-model", "hf-hub:somebody/something", "local-dir:."])
def test_an_unknown_architecture_is_refused_and_none_is_fetched(weights: Path, name: str) -> None:
    with pytest.raises(Unsupported, match="OPENCLIP_MODEL"):
        loaded(weights, architecture=name)


def test_weights_that_are_none(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(Infra, match="OPENCLIP_WEIGHTS"):
        loaded(tmp_path / "missing.pt")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(Infra, match="OPENCLIP_WEIGHTS"):
        loaded(weights)
    torch.save({"logit_scale": torch.zeros(())}, weights)
    with pytest.raises(Infra, match="OPENCLIP_WEIGHTS"):
        loaded(weights)


def test_the_largest_architecture_fits_the_contract() -> None:
    widest = max(
        (open_clip.get_model_config(name)["embed_dim"], name)
        for name in ("ViT-bigG-14", "ViT-H-14", "ViT-L-14", "RN50x64", "EVA02-E-14-plus")
    )
    assert 4 * ((4 * widest[0] + 2) // 3) <= Vector.MAX_BASE64_BYTES, widest
