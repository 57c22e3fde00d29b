"""Controls: each of probe's own bounds, ffmpeg's two, a function's on bytes, and the first frame. What is refused as `limit` is done where
the bound is lifted where it is asked for, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from functions.media.formats import MediaLimits
from functions.media.magic import Identity
from functions.probe import main as probe_main
from functions.runtime import Job
from schemas.errors import FailureClass
from schemas.payloads import Completed, Failed
from tests import media
from tests.hostile import judge
from tests.hostile.bombs import gif_of_60000_frames, mkv_of_144_megapixels, mkv_of_200_streams
from tests.hostile.controls.control_media import without_options
from tests.hostile.controls.control_words import thumbnail_of
from tests.hostile.judge import examine
from tests.hostile.test_disguises import MARK, jpeg_and_page_in_its_comment
from tests.hostile.test_swapped import KEY, judged_and_swapped, made_of
from tests.hostile.wiring import without

LIFTED = 1 << 40


def lift(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Probe judges what ffmpeg found without these; ffmpeg itself is told as before."""
    read, judged = probe_main.read_stream, probe_main.stream_facts
    lifted = dict.fromkeys(names, LIFTED)

    def counting(job: Job, identity: Identity, limits: MediaLimits) -> object:
        return read(job, identity, replace(limits, max_packets=lifted.get("max_packets", limits.max_packets)))

    monkeypatch.setattr(probe_main, "read_stream", counting)
    monkeypatch.setattr(probe_main, "stream_facts", lambda *found: judged(*found[:-1], replace(found[-1], **lifted)))


@pytest.mark.parametrize(
    ("name", "bound"),
    [("max_duration_s", 1), ("max_frames", 40), ("max_packets", 40), ("max_frame_rate", 20), ("max_edge_px", 60)],
)
def test_probes_own_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, bound: int) -> None:
    source = media.clip(tmp_path / "a.mkv", seconds=2, channels=0, size_px=(64, 48))
    monkeypatch.setenv(f"MEDIA_{name.upper()}", str(bound))
    assert examine(source).outcome == "limit"
    lift(monkeypatch, name)
    assert examine(source, ()).outcome == "done"


@pytest.mark.parametrize(
    ("build", "option", "rest"),
    [(mkv_of_200_streams, "max_streams", ()), (mkv_of_144_megapixels, "max_pixels", ("max_frame_pixels",))],
    ids=["streams", "pixels"],
)
def test_ffmpegs_own_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Callable[[Path], None], option: str, rest: tuple[str, ...]
) -> None:
    """Nothing else stops these: probe's own bound on pixels, which would, is lifted beforehand."""
    build(tmp_path / "a.mkv")
    lift(monkeypatch, *rest)
    assert examine(tmp_path / "a.mkv").outcome == "limit"
    without_options(monkeypatch, option)
    assert examine(tmp_path / "a.mkv").outcome == "done"


def test_a_functions_bound_on_bytes(tmp_path: Path) -> None:
    """For what was put straight into the bucket: the same request, to a function that takes as much."""
    store, request = judged_and_swapped(tmp_path)
    there = store.head(request.source.bucket, KEY)
    assert there
    request = request.model_copy(update={"source": request.source.model_copy(update={"etag": there.etag, "bytes": there.bytes})})
    held = made_of(store, request, tmp_path, max_upload_bytes=there.bytes - 1)
    assert isinstance(held, Failed)
    assert held.failure is FailureClass.LIMIT
    assert isinstance(made_of(store, request, tmp_path, max_upload_bytes=there.bytes), Completed)


def test_all_frames_of_a_gif_are_walked_where_the_first_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gif_of_60000_frames(tmp_path / "a.gif", edge_px=256)
    assert examine(media.still(tmp_path / "sound.gif")).outcome == "done"  # the image worker is there
    monkeypatch.setattr(judge, "DEADLINE_S", 8.0)
    assert examine(tmp_path / "a.gif").outcome == "done"
    with without("first frame"):
        assert examine(tmp_path / "a.gif").outcome == "timeout"


def test_the_sources_own_bytes_would_be_an_artifact(tmp_path: Path) -> None:
    source = jpeg_and_page_in_its_comment(tmp_path)
    assert MARK not in thumbnail_of(source, tmp_path / "held", "jpeg")
    with without("encoding"):
        assert MARK in thumbnail_of(source, tmp_path / "out", "jpeg")
