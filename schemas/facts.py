"""What a probe finds out about a media: the facts that every later decision reads."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Pixels = Annotated[int, Field(ge=1)]


class Kind(StrEnum):
    """The three kinds of media."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class MediaFacts(BaseModel):
    """One media's facts. What does not apply to its kind is null.

    `width_px` and `height_px` are as shown: after rotation and with square pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(description="what it is")
    container: str = Field(description="jpeg, png, webp, gif, avif, bmp, tiff; mp4, matroska, webm, mpegts, avi, ogg, mp3, wav, flac")
    width_px: Pixels | None = Field(default=None, description="as shown")
    height_px: Pixels | None = Field(default=None, description="as shown")
    rotation_deg: Literal[0, 90, 180, 270] | None = Field(default=None, description="clockwise turn that a player applies to a video")
    duration_ms: Count | None = Field(default=None, description="how long it plays")
    frame_rate: float | None = Field(default=None, description="average frames per second")
    frames: Count | None = Field(default=None, description="how many pictures")
    video_codec: str | None = Field(default=None, description="ffmpeg's name")
    audio_codec: str | None = Field(default=None, description="ffmpeg's name")
    bit_depth: Annotated[int, Field(ge=1, le=64)] | None = Field(default=None, description="bits of each channel")
    hdr: Literal["pq", "hlg"] | None = Field(default=None, description="the transfer function, where it is HDR")
    has_alpha: bool | None = Field(default=None, description="whether it can be transparent")
    animated: bool | None = Field(default=None, description="whether a still moves")
    orientation: Annotated[int, Field(ge=1, le=8)] | None = Field(default=None, description="EXIF orientation of a still")
    color_profile: str | None = Field(default=None, description="the name of its ICC profile")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(description="of its bytes")
    bytes: Count = Field(description="its size")
