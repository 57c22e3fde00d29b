"""Stills whose second half is zeros, as copies that broke off leave them: what is told, and what is not."""

from pathlib import Path

import pytest
from PIL import Image

from functions.probe import main as probe_main
from tests.hostile.judge import examine

TOLD = [("jpg", {}), ("png", {}), ("gif", {}), ("tiff", {"compression": "tiff_lzw"}), ("tiff", {"compression": "tiff_adobe_deflate"})]
NOT_TOLD = [("webp", {}), ("avif", {}), ("bmp", {}), ("tiff", {})]
"""To these, zeros are pixels like any other: the picture is taken, with its lower half black or flat."""


def half_zeros(folder: Path, suffix: str, options: dict[str, str]) -> Path:
    path = folder / f"a.{suffix}"
    Image.effect_noise((320, 240), 80).convert("RGB").save(path, **options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    return path


@pytest.mark.parametrize(("suffix", "options"), TOLD)
def test_refused(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    assert examine(half_zeros(tmp_path, suffix, options)).outcome == "bad-input"


@pytest.mark.parametrize(("suffix", "options"), NOT_TOLD)
def test_known_to_be_taken(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    """No promise, but what docs/security.md says; where this fails, that has become better."""
    assert examine(half_zeros(tmp_path, suffix, options)).outcome == "done"


def test_control_a_jpegs_decoder_alone_is_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_main, "is_cut_short", lambda *file: False)
    assert examine(half_zeros(tmp_path, "jpg", {})).outcome == "done"
