"""Documents in words: names that are safe and different, text that a terminal does not obey."""

import pytest

from infra.cli.documents import artifact_names, media_in_words, plain, safe_name, task_labels
from tests.unit.cli.documents import artifact, media, task


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("beach.jpg", "beach.jpg"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("", "_"),
        ("a\\b", "a_b"),
        (".hidden", "hidden"),
        ("a\x1b[31m\n", "a�[31m�"),
        ("ü" * 150, "ü" * 100),  # 2 bytes each, 200 at most
    ],
)
def test_a_name_is_one_path_segment(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_nothing_that_a_terminal_obeys_gets_through() -> None:
    assert plain("a\x1b]0;title\x07b\r\nc\u202ed") == "a�]0;title�b��c�d"


def test_artifacts_of_one_media_have_different_names() -> None:
    made = [
        artifact("thumbnail", "image/webp", longest_edge_px=320, format="webp"),  # the extension says webp
        artifact("thumbnail", "image/jpeg", longest_edge_px=320, format="jpeg"),
        artifact("transcode", short_side_px=480),
        artifact("transcode", short_side_px=480),
        artifact("transcode", short_side_px=480),
        artifact("weigh", "application/unheard-of"),
    ]
    assert artifact_names(made, stem="clip") == [
        "clip-thumbnail-320.webp", "clip-thumbnail-320-jpeg.jpg", "clip-transcode-480.mp4", "clip-transcode-480~2.mp4",
        "clip-transcode-480~3.mp4", "clip-weigh",
    ]  # fmt: skip
    assert artifact_names(made[2:3]) == ["transcode-480.mp4"]


def test_a_long_stem_leaves_room_for_what_tells_them_apart() -> None:
    names = artifact_names([artifact("transcode", short_side_px=px) for px in (240, 480)], stem="x" * 255)
    assert [name[80:] for name in names] == ["-transcode-240.mp4", "-transcode-480.mp4"]


def test_tasks_are_told_apart_by_what_differs() -> None:
    tasks = [task("transcode", short_side_px=240), task("transcode", short_side_px=480), task("embed", model="descriptor-v1")]
    assert task_labels(tasks) == ["transcode 240", "transcode 480", "embed"]


def test_facts() -> None:
    assert media_in_words(media()) == "accepted, video 1280×720, 8.0 s"
    assert media_in_words(media("uploaded")) == "uploaded"
