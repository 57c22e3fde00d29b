"""Sound files of every kind that is taken, cut at seeded places and with seeded bits turned over."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    return (truncation(data, number, seed) for number in range(count))


def truncation(data: bytes, number: int, seed: str) -> bytes:
    """One of them, without those before it."""
    return data[: random.Random(f"{seed} {number}").randrange(len(data))]


def flips(data: bytes, count: int, seed: str) -> Iterator[bytes]:
    """One byte changed, so many times; every second one near the beginning, where headers are."""
    return (flip(data, number, seed) for number in range(count))


def flip(data: bytes, number: int, seed: str) -> bytes:
    """One of them, without those before it."""
    dice = random.Random(f"{seed} {number}")
    at = dice.randrange(len(data) if number % 2 else min(len(data), 512))
    damaged = bytearray(data)
    damaged[at] ^= dice.randrange(1, 256)
    return bytes(damaged)


WAYS: Mapping[str, Callable[[bytes, int, str], bytes]] = {"cut": truncation, "flip": flip}
KINDS = (*STILLS, *CLIPS, *SOUNDS)


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One damaged file: which sample, how, and the number of its try. The same with the same seed and samples."""

    kind: str
    way: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.way}-{self.number}.{self.kind}"

    def done_to(self, sound: Mapping[str, bytes], seed: str) -> bytes:
        return WAYS[self.way](sound[self.kind], self.number, f"{seed}: {self.way} of {self.kind}")


def everything(each: int, seed: str) -> list[Damage]:
    """So many of each way for every sample, shuffled: any first part of it is spread evenly over them all."""
    whole = [Damage(kind=kind, way=way, number=number) for kind in KINDS for way in WAYS for number in range(each)]
    random.Random(seed).shuffle(whole)
    return whole
