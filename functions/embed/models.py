"""The models: one interface, chosen by the parameter `model`, loaded once a process. Torch is imported late, or ahead of need by `warm`."""

import functools
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import torch


_LOADING: Final = threading.Lock()


class Model(Protocol):
    """What makes vectors of pictures.

    Attributes:
        name: stands beside its vectors: only those of one name can be compared.
        dimensions: of a vector.
    """

    name: str
    dimensions: int

    def fit(self, width_px: int, height_px: int) -> tuple[int, int]:
        """The size in pixels at which it wants a picture of this size to be decoded."""
        ...

    def embed(self, frames: "torch.Tensor") -> "torch.Tensor":
        """uint8 (frames, height, width, 3) of that size to float32 (frames, dimensions), each row of length 1, on the CPU."""
        ...


def warm() -> None:
    """Begins to import torch in the background, so that the server listens at once and the first event waits for the rest only."""
    threading.Thread(target=_torch, name="torch", daemon=True).start()


def load(name: str) -> Model:
    """The model of the parameter `model`, on a GPU where there is one.

    Raises:
        Unsupported: it has no weights here; the message names the setting.
        Infra: its weights cannot be read now.
    """
    with _LOADING:  # two events at once must not hold two copies
        return _load(name)


@functools.cache
def _load(name: str) -> Model:
    torch = _torch()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "openclip":
        from functions.embed.openclip import OpenClip, OpenClipSettings

        return OpenClip(OpenClipSettings.from_environment(), device)
    from functions.embed.descriptor import Descriptor

    return Descriptor(device)


@functools.cache
def _torch() -> Any:
    import torch

    torch.set_num_threads(min(8, len(os.sched_getaffinity(0))))  # one job at a time: all cores of this process, none of a neighbour's
    return torch
