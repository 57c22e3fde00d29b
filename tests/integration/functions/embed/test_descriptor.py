"""descriptor-v1 on real pictures: what is the same stays near, what is not stays far, on every device."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageEnhance

from functions.embed.descriptor import DIMENSIONS, Descriptor, describe
from schemas.payloads import Vector

SAMPLES = Path(__file__).parents[4] / "sample_data"
NAMES = ("astronaut.png", "cat.png", "china.jpg", "coffee.png", "flower.jpg", "hubble.jpg", "rocket.jpg")
CPU = Descriptor(torch.device("cpu"))


def tensor(picture: Image.Image) -> torch.Tensor:
    small = picture.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS, reducing_gap=3)
    return torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).view(1, 128, 128, 3)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [Image.open(SAMPLES / name).convert("RGB") for name in NAMES]


@pytest.fixture(scope="module")
def vectors(pictures: list[Image.Image]) -> torch.Tensor:
    return CPU.embed(torch.cat([tensor(picture) for picture in pictures]))


def recompressed(picture: Image.Image) -> Image.Image:
    file = BytesIO()
    picture.save(file, "JPEG", quality=25)
    return Image.open(file)


def cropped(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width // 20, height // 20, width - width // 20, height - height // 20))


CHANGES: dict[str, tuple[Callable[[Image.Image], Image.Image], float]] = {
    "resized": (lambda picture: picture.resize((picture.width // 4, picture.height // 4)), 0.98),
    "recompressed": (recompressed, 0.98),
    "cropped": (cropped, 0.85),
    "brighter": (lambda picture: ImageEnhance.Brightness(picture).enhance(1.25), 0.95),
    "darker": (lambda picture: ImageEnhance.Brightness(picture).enhance(0.75), 0.95),
    "more contrast": (lambda picture: ImageEnhance.Contrast(picture).enhance(1.25), 0.95),
}


def test_no_two_pictures_are_near(vectors: torch.Tensor) -> None:
    cosines = vectors @ vectors.T - torch.eye(len(NAMES))
    assert cosines.max() < 0.55


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_picture_is_near(pictures: list[Image.Image], vectors: torch.Tensor, change: str) -> None:
    alter, at_least = CHANGES[change]
    cosines = CPU.embed(torch.cat([tensor(alter(picture)) for picture in pictures])) @ vectors.T
    assert cosines.argmax(1).tolist() == list(range(len(NAMES)))
    assert cosines.diagonal().min() >= at_least
    others = cosines - 2 * torch.eye(len(NAMES))
    assert (cosines.diagonal() - others.max(1).values).min() >= 0.3  # and far nearer than any other


def test_its_shape_fits_the_contract(vectors: torch.Tensor) -> None:
    assert vectors.shape == (len(NAMES), DIMENSIONS) == (len(NAMES), CPU.dimensions)
    assert vectors.dtype == torch.float32
    assert vectors.norm(dim=1).allclose(torch.ones(len(NAMES)), atol=1e-5)
    assert DIMENSIONS <= 1536
    assert 4 * ((4 * DIMENSIONS + 2) // 3) <= Vector.MAX_BASE64_BYTES


@pytest.mark.parametrize("colour", ["black", "white", "red", (128, 128, 128)])
def test_a_plain_picture_has_a_vector_too(colour: str | tuple[int, int, int]) -> None:
    vector = CPU.embed(tensor(Image.new("RGB", (1, 1), colour)))
    assert vector.isfinite().all()
    assert vector.norm().item() == pytest.approx(1, abs=1e-5)


def test_alone_or_in_a_batch_it_is_the_same(pictures: list[Image.Image], vectors: torch.Tensor) -> None:
    assert CPU.embed(tensor(pictures[2]))[0].allclose(vectors[2], atol=1e-5)


def test_rounding_does_not_matter(pictures: list[Image.Image], vectors: torch.Tensor) -> None:
    """The stand-in for another device: the same arithmetic in double precision."""
    exact = describe(torch.cat([tensor(picture) for picture in pictures]).permute(0, 3, 1, 2).double() / 255)
    assert (exact - vectors).abs().max() < 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_says_the_same(pictures: list[Image.Image], vectors: torch.Tensor) -> None:
    found = Descriptor(torch.device("cuda")).embed(torch.cat([tensor(picture) for picture in pictures]))
    assert (found - vectors).abs().max() < 1e-3
