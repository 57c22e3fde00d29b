"""What bounds a rendition's size and length: one setting, and what ffmpeg is told."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.errors import LimitExceeded
from functions.media.formats import MediaLimits
from functions.runtime.job import Job
from functions.sandbox import Finished, Limits, run_tool
from functions.transcode import transcode as transcode_module
from functions.transcode.transcode import transcode
from gateway.settings import Settings
from tests.integration.functions.transcode.conftest import facts_of
from tests.media import clip

ROOT = Path(__file__).parents[4]
LISTING_BYTES = 1 << 30
"""What a rendition's run may write beside it."""


def test_a_rendition_over_its_setting_is_a_limit(tmp_path: Path, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_MAX_RENDITION_BYTES", "20000")
    with pytest.raises(LimitExceeded, match="larger than the 20000 bytes that are allowed"):
        transcode(new_job(clip(tmp_path / "a.mp4", seconds=2)))


def test_a_media_longer_than_it_says_is_a_limit(tmp_path: Path, new_job: Callable[..., Job]) -> None:
    source = clip(tmp_path / "a.mkv", seconds=14, size_px=(64, 48), channels=0)
    says = facts_of(source).model_copy(update={"duration_ms": 1000})
    with pytest.raises(LimitExceeded, match=r"says that it lasts 1\.0 s, but goes on for 11 s"):
        transcode(new_job(source, facts=says))


def test_a_transcode_has_twice_the_memory_of_a_decoder(
    tmp_path: Path, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIA_MAX_MEMORY_BYTES", str(1500 << 20))
    had = []

    def watched(argv: Sequence[str], *, limits: Limits, **more: Any) -> Finished:
        had.append(limits.rlimits()["AS"])
        return run_tool(argv, limits=limits, **more)

    monkeypatch.setattr(transcode_module, "run_tool", watched)
    transcode(new_job(clip(tmp_path / "a.mp4", seconds=0.4)))
    assert had == [3000 << 20] * 3  # the look, the rendition, the result read again


@pytest.mark.parametrize("manifest", ["service.yaml", "job.yaml"])
def test_both_lanes_have_room_for_the_largest_upload_and_the_largest_rendition(manifest: str) -> None:
    largest = Settings.model_fields["max_upload_bytes"].default + MediaLimits().max_rendition_bytes + 2 * LISTING_BYTES
    for document in yaml.safe_load_all((ROOT / "knative/base/transcode" / manifest).read_text()):
        for size in _sizes(document):
            assert size.endswith("Gi")
            assert int(size[:-2]) << 30 >= largest


def _sizes(document: dict[str, Any]) -> list[str]:
    spec = document["spec"]
    template = spec.get("template") or spec.get("job", {}).get("spec", {}).get("template")
    return [volume["emptyDir"]["sizeLimit"] for volume in template["spec"]["volumes"]] if template else []
