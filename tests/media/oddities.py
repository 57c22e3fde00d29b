"""Files that are odd as a whole: cut, crowded, broken off, of two sizes, or without a picture."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from tests.media.clips import clip
from tests.media.encoding import SOUND_CODECS, colour_filters, encode, tones
from tests.media.ffmpeg import ffmpeg
from tests.media.marks import card
from tests.media.stills import SECRET


def cut_by_edit_list(source: Path, path: Path, *, skip_ms: int) -> Path:
    """`source` as a phone's "trim" leaves it: an edit list that begins at `skip_ms`.

    The packets from the keyframe before on are kept as they are. With numbered frames the first one *shown* is skip_ms × fps / 1000;
    the ones before it are in the file and must not appear.
    """
    ffmpeg("-ss", f"{skip_ms}ms", "-i", source, "-map", "0", "-c", "copy", path)
    return path


def size_change_clip(path: Path, sizes_px: Sequence[tuple[int, int]] = ((320, 180), (160, 90)), *, frames_each: int = 25) -> Path:
    """One H.264 stream whose size changes: `frames_each` frames of each size, numbered through, 25 a second, no sound. Use .ts or .mkv."""
    stream = path.with_name(f"{path.stem}.h264")
    filters = [*colour_filters("h264", None), "setsar=1"]
    data = b""
    for part, size_px in enumerate(sizes_px):
        pictures = (card(*size_px, part * frames_each + n, n) for n in range(frames_each))
        encode(stream, pictures, size_px=size_px, fps=Fraction(25), filters=filters, codec="h264", options=["-bf", "0"])
        data += stream.read_bytes()
    stream.write_bytes(data)
    ffmpeg("-r", "25", "-f", "h264", "-i", stream, "-c", "copy", path)
    stream.unlink()
    return path


def crowded_clip(path: Path) -> Path:
    """50 numbered frames, two sound tracks (440 Hz, then 880 Hz), subtitles; title and chapter are SECRET. For .mp4, .mov, .mkv."""
    plain, subtitles, chapters = (path.with_name(f"{path.stem}-{name}") for name in ("plain.mkv", "said.srt", "chapters.txt"))
    clip(plain)
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n", "utf-8")
    title = f"title={SECRET.decode()}"
    chapters.write_text(f";FFMETADATA1\n{title}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\n{title}\n", "utf-8")
    second = ("-f", "lavfi", "-i", "aevalsrc='0.3*sin(2*PI*880*t)':s=48000:d=2")
    tracks = ("-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "2", "-map_metadata", "3", "-map_chapters", "3")
    codecs = ("-c:v", "copy", "-c:a", "aac", "-c:s", "srt" if path.suffix == ".mkv" else "mov_text")
    ffmpeg("-i", plain, *second, "-i", subtitles, "-i", chapters, *tracks, *codecs, path)
    for scrap in (plain, subtitles, chapters):
        scrap.unlink()
    return path


def sound_file(path: Path, *, seconds: float = 2.0, channels: int = 1, cover: bool = False) -> Path:
    """Sound alone, TONES_HZ, by suffix (.mp3, .wav, .flac, .ogg, .m4a).

    cover: an attached picture, which is no video (.mp3, .m4a, .flac).
    """
    picture = ("-f", "lavfi", "-i", "color=red:s=200x200:d=0.04") if cover else ()
    attach = ("-map", "1:v", "-c:v", "mjpeg", "-frames:v", "1", "-disposition:v", "attached_pic") if cover else ()
    sound = ("-f", "lavfi", "-i", tones(channels, 48000, seconds))
    ffmpeg(*sound, *picture, "-map", "0:a", "-c:a", SOUND_CODECS.get(path.suffix, "aac"), *attach, path)
    return path


def truncated(source: Path, path: Path, fraction: float = 0.5) -> Path:
    """The first `fraction` of the bytes of `source`: an upload that stopped."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


@contextmanager
def stalled(source: Path, path: Path) -> Iterator[Path]:
    """A pipe that gives its reader the first half of `source`, then nothing, and no end. For what can be read without seeking."""
    data, ends = source.read_bytes(), threading.Event()
    os.mkfifo(path)

    def give() -> None:
        with path.open("r+b", buffering=0) as pipe:  # open for reading too: the pipe stays whole whoever comes and goes
            pipe.write(data[: len(data) // 2])
            ends.wait()

    writer = threading.Thread(target=give)
    writer.start()
    try:
        yield path
    finally:
        ends.set()
        with path.open("r+b", buffering=0) as rest:
            os.set_blocking(rest.fileno(), False)
            while writer.is_alive():
                rest.read(65536)
                writer.join(0.01)
