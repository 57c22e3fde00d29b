"""The allowlists, in one place: containers, codecs, encoders, and how much of anything is too much.

Sources: the project's own list of what is taken, and FFmpeg's and Pillow's names for it. Telling bytes apart is `magic`'s job.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from schemas.facts import Kind


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container that is taken.

    Attributes:
        name: as in `MediaFacts.container`.
        label: its name in a sentence.
        content_type: the MIME type of a file of `kind`.
        audio_type: the MIME type when it holds sound alone, where that differs.
        pillow: Pillow's plugin, for stills.
        demuxer: FFmpeg's demuxer, forced on its input; one of its names is in FORMAT_WHITELIST.
    """

    name: str
    label: str
    kind: Kind
    content_type: str
    audio_type: str | None = None
    pillow: str | None = None
    demuxer: str | None = None


_ALL = (
    Container(name="jpeg", label="JPEG", kind=Kind.IMAGE, content_type="image/jpeg", pillow="JPEG"),
    Container(name="png", label="PNG", kind=Kind.IMAGE, content_type="image/png", pillow="PNG"),
    Container(name="webp", label="WebP", kind=Kind.IMAGE, content_type="image/webp", pillow="WEBP"),
    Container(name="gif", label="GIF", kind=Kind.IMAGE, content_type="image/gif", pillow="GIF"),
    Container(name="avif", label="AVIF", kind=Kind.IMAGE, content_type="image/avif", pillow="AVIF"),
    Container(name="bmp", label="BMP", kind=Kind.IMAGE, content_type="image/bmp", pillow="BMP"),
    Container(name="tiff", label="TIFF", kind=Kind.IMAGE, content_type="image/tiff", pillow="TIFF"),
    Container(name="mp4", label="MP4", kind=Kind.VIDEO, content_type="video/mp4", audio_type="audio/mp4", demuxer="mov"),
    Container(
        name="matroska", label="Matroska", kind=Kind.VIDEO, content_type="video/matroska", audio_type="audio/matroska", demuxer="matroska"
    ),
    Container(name="webm", label="WebM", kind=Kind.VIDEO, content_type="video/webm", audio_type="audio/webm", demuxer="matroska"),
    Container(name="mpegts", label="MPEG-TS", kind=Kind.VIDEO, content_type="video/mp2t", demuxer="mpegts"),
    Container(name="avi", label="AVI", kind=Kind.VIDEO, content_type="video/vnd.avi", demuxer="avi"),
    Container(name="ogg", label="Ogg", kind=Kind.VIDEO, content_type="video/ogg", audio_type="audio/ogg", demuxer="ogg"),
    Container(name="mp3", label="MP3", kind=Kind.AUDIO, content_type="audio/mpeg", demuxer="mp3"),
    Container(name="wav", label="WAV", kind=Kind.AUDIO, content_type="audio/wav", demuxer="wav"),
    Container(name="flac", label="FLAC", kind=Kind.AUDIO, content_type="audio/flac", demuxer="flac"),
)
CONTAINERS: Mapping[str, Container] = MappingProxyType({container.name: container for container in _ALL})
TAKEN = (
    "JPEG, PNG, WebP, GIF, AVIF, BMP and TIFF pictures; MP4, MOV, Matroska, WebM, MPEG-TS, AVI and Ogg video; "
    "M4A, Ogg, MP3, WAV and FLAC sound"
)
"""For sentences that say what would have been right."""

FORMAT_WHITELIST = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "mpegts", "avi", "ogg", "mp3", "wav", "flac")
"""Every name of the demuxers above: FFmpeg compares the list with each name of a demuxer."""

VIDEO_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "prores")
AUDIO_CODECS = ("aac", "opus", "mp3", "mp2", "vorbis", "flac")
"""Codecs that are decoded, by FFmpeg's codec names; so is all PCM of `PCM_CODECS`. mp2 is what MPEG-TS carries, and mp3's own decoder."""
PCM_CODECS = (
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw"),
)
DECODERS = (
    *("h264", "hevc", "vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d", "mpeg4", "mjpeg", "prores"),
    *("aac", "opus", "libopus", "mp3", "mp3float", "mp2", "mp2float", "vorbis", "libvorbis", "flac"),
    *PCM_CODECS,
)
"""FFmpeg's decoders for those codecs, for `-codec_whitelist`."""

VIDEO_ENCODERS = ("libx264", "rawvideo", "wrapped_avframe")
AUDIO_ENCODERS = ("aac",)
"""What FFmpeg may make of what it decoded: a rendition, plain pixels, or nothing, of frames that are only looked at (`wrapped_avframe`)."""
STILL_ENCODERS = ("WEBP", "JPEG", "AVIF")
"""What Pillow may write, by its own names."""


@dataclass(frozen=True, kw_only=True)
class MediaLimits:
    """How much of anything is too much. Each is a setting, `MEDIA_` and the field's name in capitals."""

    max_still_pixels: int = 50_000_000  # 88 MP of RGBA cost 708 MB
    max_frame_pixels: int = 40_000_000  # 8K is 33 MP; 16000×9000 cost 424 MB
    max_edge_px: int = 32_768
    max_scans: int = 100  # 4,000 of 49 MP cost 80 s; encoders make 10
    max_streams: int = 16
    max_duration_s: int = 6 * 3600
    max_frame_rate: int = 1000  # phones go to 960; a rendition has at most 60
    max_frames: int = 2_000_000
    max_packets: int = 6_000_000
    max_rendition_bytes: int = 16 << 30  # six hours at 6.4 Mbit/s; with an upload of 10 GiB beside it, well within a volume of 40
    max_memory_bytes: int = 2 << 30  # a progressive JPEG of 65000×65000 would have 12.4 GB
    max_wall_s: int | None = None  # of one attempt; its operation's deadline holds beside it

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "MediaLimits":
        """The limits, each from its variable where that is set.

        Raises:
            ValueError: a value that is no positive whole number.
        """
        names = {field.name: f"MEDIA_{field.name.upper()}" for field in fields(cls)}
        return cls(**{field: _positive(name, environment[name]) for field, name in names.items() if name in environment})


def _positive(name: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{name} must be a whole number above 0, not {text!r}")
    return int(text)
