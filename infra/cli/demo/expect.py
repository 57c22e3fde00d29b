"""What the demo must find, and whether it did. Pure: facts and bytes in, sentences about what is wrong out."""

import io
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from schemas.catalogue import resolve
from schemas.parameters import ThumbnailParameters, TranscodeParameters


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One file of `sample_data/` and what is known about it. `refused`: the class of its one clear error."""

    path: Path
    operations: Sequence[str]
    width_px: int | None
    height_px: int | None
    duration_ms: int | None
    refused: str | None
    tolerance_ms: int


def read_samples(folder: Path) -> list[Sample]:
    """The samples that `manifest.json` names."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return [
        Sample(
            path=folder / entry["name"],
            operations=tuple(entry["operations"]),
            width_px=entry["width_px"],
            height_px=entry["height_px"],
            duration_ms=entry["duration_ms"],
            refused=entry.get("refused"),
            tolerance_ms=manifest["duration_tolerance_ms"],
        )
        for entry in manifest["files"]
    ]


def media_problems(sample: Sample, media: Mapping[str, Any]) -> list[str]:
    """What is wrong with the verdict and the facts."""
    if sample.refused is not None:
        error = media["error"] or {}
        return (
            []
            if (media["state"], error.get("class")) == ("rejected", sample.refused)
            else [f"not refused as {sample.refused}: {media['state']}"]
        )
    if media["state"] != "accepted":
        return [f"not accepted: {media['state']}, {media['error']}"]
    facts = media["facts"]
    found = [
        f"{name} is {facts[name]}, not {wanted}"
        for name, wanted in (("width_px", sample.width_px), ("height_px", sample.height_px))
        if wanted is not None and facts[name] != wanted
    ]
    if sample.duration_ms is not None and abs((facts["duration_ms"] or 0) - sample.duration_ms) > sample.tolerance_ms:
        found.append(f"duration_ms is {facts['duration_ms']}, not {sample.duration_ms}")
    return found


def artifact_problems(sample: Sample, operation: str, artifact: Mapping[str, Any], data: bytes) -> list[str]:
    """What is wrong with one artifact, by its bytes."""
    found = []
    if sha256(data).hexdigest() != artifact["sha256"] or len(data) != artifact["bytes"]:
        found.append("its bytes are not those that were recorded")
    request = resolve(operation)
    if isinstance(request.parameters, ThumbnailParameters):
        found += _picture(sample, data, request.parameters.longest_edge_px)
    elif isinstance(request.parameters, TranscodeParameters):
        found += _film(sample, artifact, data, request.parameters.short_side_px)
    else:
        found += _vectors(data)
    return found


def _picture(sample: Sample, data: bytes, longest_px: int) -> list[str]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        size, flat = image.size, all(low == high for low, high in _extremes(image))
    if sample.width_px is None or sample.height_px is None:
        return []
    scale = min(1.0, longest_px / max(sample.width_px, sample.height_px))
    wanted = (sample.width_px * scale, sample.height_px * scale)
    found = ["it is one flat colour"] if flat else []
    if any(abs(is_px - wanted_px) > 1 for is_px, wanted_px in zip(size, wanted, strict=True)):
        found.append(f"it is {size[0]}×{size[1]}, not {wanted[0]:.0f}×{wanted[1]:.0f}")
    return found


def _extremes(image: Image.Image) -> list[tuple[float, float]]:
    return list(image.convert("RGB").getextrema())  # type: ignore[arg-type]


def _film(sample: Sample, artifact: Mapping[str, Any], data: bytes, short_px: int) -> list[str]:
    found = []
    if data[4:8] != b"ftyp" or not 0 < data.find(b"moov") < data.find(b"mdat"):
        found.append("it is no MP4 that can be played while it loads")
    if sample.width_px is None or sample.height_px is None or sample.duration_ms is None:
        return found
    if min(artifact["width_px"], artifact["height_px"]) != min(short_px, sample.width_px, sample.height_px):
        found.append(f"its short side is {min(artifact['width_px'], artifact['height_px'])} px")
    if (artifact["width_px"] > artifact["height_px"]) != (sample.width_px > sample.height_px):
        found.append("it lies on its side")
    if abs(artifact["duration_ms"] - sample.duration_ms) > 2 * sample.tolerance_ms:
        found.append(f"it lasts {artifact['duration_ms']} ms, not {sample.duration_ms}")
    return found


def _vectors(data: bytes) -> list[str]:
    if data[:6] != b"\x93NUMPY":
        return ["it is no .npy file"]
    (header_bytes,) = struct.unpack("<H", data[8:10])
    return [] if b"'<f4'" in data[10 : 10 + header_bytes] else ["it is not float32"]
