"""A stand-in for a slow operation, run by the real runtime: takes its time, then leaves one small object."""

import time

from functions.runtime import Job, Outcome, Output, function

WORKS_S = 0.05


def work(job: Job) -> Outcome:
    time.sleep(WORKS_S)
    path = job.out / "thumbnail.webp"
    path.write_bytes(b"RIFF")
    return Outcome(outputs=[Output(path=path, content_type="image/webp", width_px=1, height_px=1)])


handle = function("thumbnail", work)
