"""Where a file stands, what is said when it goes on, and which exit code that makes."""

from dataclasses import replace

import pytest

from infra.cli.errors import OK, REFUSED, UNREACHABLE, WORK_FAILED
from infra.cli.item import Item, changes, exit_code, in_a_word
from tests.unit.cli.documents import job, media, task

NEW = Item(name="clip.mp4")
SENT = replace(NEW, sent=1.0, media=media("uploaded"))
ASKED = replace(SENT, job=job("queued", task("transcode"), task("embed")))
ACCEPTED = replace(ASKED, media=media())
RUNNING = replace(ACCEPTED, job=job("running", task("transcode", "running", progress=0.5), task("embed")))
HALF = replace(ACCEPTED, job=job("running", task("transcode", "done"), task("embed")))
DONE = replace(ACCEPTED, job=job("done", task("transcode", "done"), task("embed", "done")))
FAILED = replace(ACCEPTED, job=job("failed", task("transcode", "done"), task("embed", "failed", error=("tool", "It broke."))))
WORDS = ("bad-input", "Cut short.")
REJECTED = replace(ASKED, media=media("rejected", error=WORDS), job=job("failed", task("transcode", "failed", error=WORDS)))
UNFIT = replace(DONE, unfit=("embed failed (unsupported): it takes image; this media is video",))
TURNED_AWAY = replace(NEW, error="too large", exit_code=REFUSED)
LOST = replace(NEW, error="nobody answers", exit_code=UNREACHABLE)


@pytest.mark.parametrize(
    ("item", "word", "progress", "ended"),
    [
        (NEW, "sending", 0.0, False),
        (replace(NEW, sent=0.4), "sending", 0.4, False),
        (SENT, "sent", 1.0, False),
        (ASKED, "probing", 0.0, False),
        (ACCEPTED, "queued", 0.0, False),
        (RUNNING, "transcode", 0.25, False),  # (0.5 + 0) / 2
        (HALF, "1 of 2 done", 0.5, False),
        (DONE, "done, 2 artifacts", 1.0, True),
        (FAILED, "embed failed (tool): It broke", 1.0, True),
        (REJECTED, "rejected (bad-input): Cut short", 1.0, True),
        (UNFIT, "embed failed (unsupported): it takes image; this media is video", 1.0, True),
        (TURNED_AWAY, "too large", 0.0, True),
        (replace(DONE, media=media("uploaded")), "probing", 0.0, False),  # the job ended while the media was looked at
    ],
)
def test_where_it_stands(item: Item, word: str, progress: float, ended: bool) -> None:
    assert item.ended is ended
    assert in_a_word(item) == word
    assert item.progress == progress or not ended  # a job that is about to end may show its tasks'


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (NEW, replace(NEW, sent=0.5), []),
        (NEW, SENT, ["clip.mp4: media media-of-clip.mp4 uploaded"]),
        (SENT, ASKED, ["clip.mp4: job job-1 queued"]),
        (ASKED, ACCEPTED, ["clip.mp4: accepted, video 1280×720, 8.0 s"]),
        (ACCEPTED, RUNNING, ["clip.mp4: transcode running"]),
        (RUNNING, replace(RUNNING, job=job("running", task("transcode", "running", progress=0.9), task("embed"))), []),
        (RUNNING, HALF, ["clip.mp4: transcode done"]),
        (HALF, FAILED, ["clip.mp4: embed failed (tool): It broke", "clip.mp4: job job-1 failed"]),
        (HALF, DONE, ["clip.mp4: embed done", "clip.mp4: job job-1 done"]),
        (ASKED, REJECTED, ["clip.mp4: rejected (bad-input): Cut short", "clip.mp4: job job-1 failed"]),
        (NEW, TURNED_AWAY, ["clip.mp4: too large"]),
        (SENT, replace(SENT, job=DONE.job), ["clip.mp4: job job-1 queued"]),  # done at once, but the media's verdict comes first
        (
            replace(SENT, job=DONE.job),
            DONE,
            ["clip.mp4: accepted, video 1280×720, 8.0 s", "clip.mp4: transcode done", "clip.mp4: embed done", "clip.mp4: job job-1 done"],
        ),
        (DONE, DONE, []),
    ],
)
def test_one_line_a_change(before: Item, after: Item, lines: list[str]) -> None:
    assert list(changes(before, after)) == lines


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([], OK),
        ([DONE, DONE], OK),
        ([ASKED], OK),  # nobody waited for it
        ([DONE, FAILED], WORK_FAILED),
        ([REJECTED], WORK_FAILED),
        ([UNFIT], WORK_FAILED),
        ([TURNED_AWAY], REFUSED),
        ([TURNED_AWAY, TURNED_AWAY], REFUSED),
        ([TURNED_AWAY, DONE], WORK_FAILED),
        ([LOST, DONE, FAILED], UNREACHABLE),
    ],
)
def test_exit_codes(items: list[Item], code: int) -> None:
    assert exit_code(items) == code
