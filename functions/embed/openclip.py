"""OpenCLIP's picture tower as a `Model`. Weights come from where the settings say, and never from anywhere else: nothing is downloaded.

For architectures with CLIP's own preparation of pictures: scaled to the shorter side, the middle square, CLIP's mean and deviation. All in
float32, so that vectors made on a CPU and on a GPU can be compared.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import normalize

from functions.embed.plan import cover
from functions.errors import Infra, Unsupported
from infra.objects.open import open_objects
from infra.objects.port import ObjectStoreError

_SCHEME: Final = "object://"


@dataclass(frozen=True, kw_only=True)
class OpenClipSettings:
    """Which weights.

    Attributes:
        architecture: OPENCLIP_MODEL, one of `open_clip.list_models()`: ViT-B-32, say.
        weights: OPENCLIP_WEIGHTS, a file, or `object://bucket/key` in the store of OBJECT_STORE_URL; .pt or .safetensors.
        object_store_url: OBJECT_STORE_URL.
    """

    architecture: str
    weights: str
    object_store_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "OpenClipSettings":
        """Raises Unsupported, naming the setting that is missing."""
        for name in ("OPENCLIP_MODEL", "OPENCLIP_WEIGHTS"):
            if not environment.get(name):
                raise Unsupported(f"The model openclip is not set up here: {name} is not set.")
        return cls(
            architecture=environment["OPENCLIP_MODEL"],
            weights=environment["OPENCLIP_WEIGHTS"],
            object_store_url=environment.get("OBJECT_STORE_URL"),
        )


class OpenClip:
    """One architecture with one set of weights, its text tower left behind."""

    def __init__(self, settings: OpenClipSettings, device: torch.device) -> None:
        """Raises:
        Unsupported: no such architecture.
        Infra: the weights cannot be read, or are for another architecture.
        """
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"  # before open_clip reads them
        import open_clip

        if settings.architecture not in open_clip.list_models():  # a name with a scheme would be fetched
            raise Unsupported(f"OPENCLIP_MODEL names no architecture of open_clip: {settings.architecture}.")
        with _weights_file(settings) as path:
            try:
                model = open_clip.create_model(settings.architecture, pretrained=str(path.absolute()), require_pretrained=True)
            except Exception as exc:
                raise Infra(f"OPENCLIP_WEIGHTS holds no weights for {settings.architecture}.", log_tail=str(exc)[-2000:]) from exc
        self._tower = model.visual.eval().to(device)
        self._device = device
        wants = self._tower.preprocess_cfg
        size = wants["size"]
        self._side_px: int = size if isinstance(size, int) else size[0]
        self._mean, self._deviation = (torch.tensor(wants[key], device=device).view(1, 3, 1, 1) for key in ("mean", "std"))
        self.name = f"openclip:{settings.architecture}"
        self.dimensions: int = self._tower.output_dim

    def fit(self, width_px: int, height_px: int) -> tuple[int, int]:
        """The shorter side is the model's."""
        return cover(width_px, height_px, self._side_px)

    def embed(self, frames: Tensor) -> Tensor:
        """The middle square of each frame, all in one batch."""
        top, left = ((side_px - self._side_px) // 2 for side_px in frames.shape[1:3])
        middle = frames[:, top : top + self._side_px, left : left + self._side_px].to(self._device)
        with torch.inference_mode():
            pictures = (middle.permute(0, 3, 1, 2).float() / 255 - self._mean) / self._deviation
            return normalize(self._tower(pictures).float()).cpu()


@contextmanager
def _weights_file(settings: OpenClipSettings) -> Iterator[Path]:
    """The weights as a file; an object is fetched, and removed once it is loaded."""
    if not settings.weights.startswith(_SCHEME):
        path = Path(settings.weights)
        if not path.is_file():
            raise Infra("OPENCLIP_WEIGHTS names a file that is not there.")
        yield path
        return
    bucket, _, key = settings.weights.removeprefix(_SCHEME).partition("/")
    if not settings.object_store_url:
        raise Infra("OPENCLIP_WEIGHTS names an object, but OBJECT_STORE_URL is not set.")
    with tempfile.TemporaryDirectory(prefix="openclip-") as folder:
        path = Path(folder) / Path(key).name
        try:
            open_objects(settings.object_store_url).fetch(bucket, key, path)
        except (ObjectStoreError, ValueError) as exc:
            raise Infra("OPENCLIP_WEIGHTS names an object that cannot be read.", log_tail=str(exc)) from exc
        yield path
