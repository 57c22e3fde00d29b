"""Sound files of every kind that is taken, cut at seeded places and with seeded bits turned over."""

import random
from collections.abc import Iterator
from pathlib import Path

from tests.media import clip, sound_file, still, with_orientation

STILLS = ("jpg", "png", "webp", "gif", "avif", "bmp", "tiff")
CLIPS = ("mp4", "mov", "mkv", "webm", "ts", "avi")
SOUNDS = ("m4a", "mp3", "wav", "flac", "ogg")


def samples(folder: Path) -> dict[str, bytes]:
    """One small file of each kind, by its suffix."""
    made = {suffix: still(folder / f"s.{suffix}", (96, 64)) for suffix in STILLS}
    made["jpg"] = with_orientation(folder / "turned.jpg", 6, (96, 64))  # EXIF, for bits to be turned over in
    for suffix in CLIPS:
        codec = "vp9" if suffix == "webm" else "h264"
        made[suffix] = clip(folder / f"c.{suffix}", seconds=0.4, size_px=(96, 64), codec=codec, keyframe_every=5)
    made |= {suffix: sound_file(folder / f"a.{suffix}", seconds=0.3) for suffix in SOUNDS}
    return {suffix: path.read_bytes() for suffix, path in made.items()}


def truncations(data: bytes, count: int, seed: str) -> Iterator[bytes]:
    """The first bytes, so many times, each cut where the seed says."""
    dice = random.Random(seed)
    for _ in range(count):
        yield data[: dice.randrange(len(data))]


def flips(data: bytes, count: int, seed: str) -> Iterator[bytes]:
    """One byte changed, so many times; every second one near the beginning, where headers are."""
    dice = random.Random(seed)
    for number in range(count):
        at = dice.randrange(len(data) if number % 2 else min(len(data), 512))
        damaged = bytearray(data)
        damaged[at] ^= dice.randrange(1, 256)
        yield bytes(damaged)
