"""Media whose truth is known, and readers that tell what a file really holds.

Builders (stills, clips) write a file and return its path; their docstrings state the truth about it. Readers look at any file with
FFmpeg and Pillow alone, never with our own code, so that a test compares two independent eyes. Expectations belong to the tests.
"""

from tests.media.clips import beep_flash_clip, clip, hdr_ramp_clip, variable_rate_times_ms
from tests.media.encoding import TONES_HZ, Codec, Hdr
from tests.media.ffmpeg import ffmpeg
from tests.media.marks import CORNERS, corner_image
from tests.media.oddities import crowded_clip, cut_by_edit_list, size_change_clip, sound_file, stalled, truncated
from tests.media.readers import (
    StreamInfo,
    combed_frames,
    corner_colours,
    first_beep_ms,
    first_flash_ms,
    frame_at,
    frame_times_ms,
    moov_before_mdat,
    place_in,
    read_frame_numbers,
    sound_ms,
    stream_info,
    tone_level,
)
from tests.media.stills import (
    SECRET,
    animation,
    avif_turned_twice,
    cmyk_jpeg,
    display_p3_jpeg,
    located_still,
    png_16bit_grey,
    png_palette,
    png_rgba,
    png_with_secrets,
    secretive_jpeg,
    still,
    tiny,
    wide,
    with_orientation,
)

__all__ = [
    "CORNERS",
    "SECRET",
    "TONES_HZ",
    "Codec",
    "Hdr",
    "StreamInfo",
    "animation",
    "avif_turned_twice",
    "beep_flash_clip",
    "clip",
    "cmyk_jpeg",
    "combed_frames",
    "corner_colours",
    "corner_image",
    "crowded_clip",
    "cut_by_edit_list",
    "display_p3_jpeg",
    "ffmpeg",
    "first_beep_ms",
    "first_flash_ms",
    "frame_at",
    "frame_times_ms",
    "hdr_ramp_clip",
    "located_still",
    "moov_before_mdat",
    "place_in",
    "png_16bit_grey",
    "png_palette",
    "png_rgba",
    "png_with_secrets",
    "read_frame_numbers",
    "secretive_jpeg",
    "size_change_clip",
    "sound_file",
    "sound_ms",
    "stalled",
    "still",
    "stream_info",
    "tiny",
    "tone_level",
    "truncated",
    "variable_rate_times_ms",
    "wide",
    "with_orientation",
]
