"""What may be made of a media: the encoders on the list, by ffmpeg's command line and by Pillow, and no other."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image

from functions.media.ffmpeg import Target, command, ffmpeg
from functions.media.formats import AUDIO_ENCODERS, STILL_ENCODERS, VIDEO_ENCODERS
from functions.media.stills import write_still
from functions.thumbnail.plan import ENCODINGS


def test_ffmpeg_has_every_encoder_of_its_kind() -> None:
    listed = subprocess.run([ffmpeg(), "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout
    kinds = {words[1]: words[0][0] for line in listed.splitlines() if len(words := line.split()) > 1}
    assert {name: kinds.get(name) for name in (*VIDEO_ENCODERS, *AUDIO_ENCODERS)} == {
        **dict.fromkeys(VIDEO_ENCODERS, "V"),
        **dict.fromkeys(AUDIO_ENCODERS, "A"),
    }


@pytest.mark.parametrize(
    ("streams", "options"),
    [
        (["V:0"], {"c:v": "libx265"}),
        (["V:0"], {"c:v": "aac"}),  # on the list, for sound
        (["V:0"], {"vcodec": "libx264"}),  # one way to say it, which is read
        (["V:0"], {"c:v:0": "mjpeg", "c:v": "libx264"}),
        (["V:0"], {"c": "libx264"}),
        (["V:0"], {"codec:v": "mjpeg", "c:v": "libx264"}),
        (["V:0", "a:0?"], {"c:v": "libx264"}),  # the container would choose for the sound
        (["V:0"], {"format": "webm"}),
        (["V:0"], {"c": "copy", "c:v": "ffv1"}),
    ],
)
def test_no_other_encoder_gets_into_a_command(streams: list[str], options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no encoder of the list"):
        command("mp4", Path("a.mp4"), [Target(path="b.mp4", streams=streams, options=options)])


def test_what_the_list_names_may_encode() -> None:
    for options in ({"c:v": "libx264", "c:a": "aac"}, {"c": "copy"}, {"c:v": "copy", "c:a": "aac"}):
        command("mp4", Path("a.mp4"), [Target(path="b.mp4", streams=["V:0", "a:0?"], options=options)])


def test_stills_are_written_by_encoders_of_the_list_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoder of the list"):
        write_still(Image.new("RGB", (2, 2)), tmp_path / "a.gif", "GIF", {})
    assert list(tmp_path.iterdir()) == []
    assert {encoding.pillow for encoding in ENCODINGS.values()} == set(STILL_ENCODERS)
