"""The parameters of each operation, with bounds and defaults: one model an operation.

The canonical text of a model is part of a work's identity, so a new field needs a new operation version.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""For an integer as JSON Schema means it: 480.0 is 480, strict or not."""


class Parameters(BaseModel):
    """The base of all parameters: frozen, and nothing but what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> str:
        """The one text of these values: every default filled in, keys sorted, no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


class ProbeParameters(Parameters):
    """Probe has nothing to choose."""


class ThumbnailParameters(Parameters):
    """A still picture of an image or a video, never larger than its source."""

    longest_edge_px: Annotated[int, Field(ge=16, le=2048, description="longest edge of the thumbnail"), WHOLE] = 320
    format: Literal["webp", "jpeg", "avif"] = "webp"


class TranscodeParameters(Parameters):
    """An H.264 and AAC rendition in MP4, never larger than its source."""

    short_side_px: Annotated[int, Field(ge=240, le=1080, description="shorter side as shown; the other follows the aspect"), WHOLE] = 480


class EmbedParameters(Parameters):
    """A vector that stands for how a media looks."""

    model: Literal["descriptor-v1", "openclip"] = "descriptor-v1"
    frames: Annotated[int, Field(ge=1, le=32, description="frames of a video, evenly spread"), WHOLE] = 8
