from fractions import Fraction
from pathlib import Path

from functions.media.timeline import Timeline
from tests.media import clip, cut_by_edit_list, ffmpeg

HEAD = ["#tb 0: 1/10", "#media_type 0: video", "#codec_id 0: h264", "#dimensions 0: 160x120", "#software: Lavf"]


def test_counts_and_moments_in_presentation_order() -> None:
    track = Timeline.of([*HEAD, "0, -1, 0, 1, 9, 0x1", "0, 0, 3, 1, 9, 0x1, F=0x0", "0, 1, 2, 1, 9, 0x1, F=0x0, S=1, Skip, 10, 0x2"]).first(
        "video"
    )
    assert track
    assert (track.codec, track.width_px, track.height_px) == ("h264", 160, 120)
    assert (track.shown, track.leading, track.corrupt) == (3, 0, 0)
    assert (track.first_s, track.last_s, track.end_s) == (0, Fraction(3, 10), Fraction(4, 10))


def test_leading_discarded_and_corrupt_packets() -> None:
    lines = [
        "0, 0, 0, 1, 9, 0x1, F=0x0",  # no keyframe yet
        "0, 1, 2, 1, 9, 0x1",
        "0, 2, 1, 1, 9, 0x1, F=0x0",  # shown before that keyframe, so it refers to one that is not there
        "0, 3, 3, 1, 9, 0x1, F=0x4",  # cut away by an edit list
        "0, 4, -9223372036854775808, 1, 9, 0x1, F=0x0",  # no pts: AVI
        "0, 5, 5, 1, 9, 0x1, F=0x2",
    ]
    track = Timeline.of([*HEAD, *lines]).first("video")
    assert track
    assert (track.shown, track.leading, track.corrupt, track.ends_corrupt) == (3, 2, 1, True)
    assert (track.first_s, track.end_s) == (Fraction(2, 10), Fraction(6, 10))


def test_an_empty_listing_has_no_length() -> None:
    assert Timeline.of([]).seconds == 0
    assert Timeline.of(HEAD).first("audio") is None


def test_a_real_clip_with_an_edit_list(tmp_path: Path) -> None:
    source = cut_by_edit_list(clip(tmp_path / "whole.mp4", size_px=(160, 120)), tmp_path / "in.mp4", skip_ms=640)
    listing, _ = ffmpeg("-i", source, "-map", "0:V:0", "-c", "copy", "-copyinkf", "-f", "framecrc", "-")
    timeline = Timeline.of(listing.decode().splitlines())
    track = timeline.first("video")
    assert track
    assert track.shown == 34  # 50 frames less the first 0.64 × 25
    assert timeline.seconds == Fraction(136, 100)
