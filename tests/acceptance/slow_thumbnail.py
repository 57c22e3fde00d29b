"""A stand-in for a slow operation, run by the real runtime: takes its time (WORKS_S), then leaves one small object."""

import os
import time

from functions.runtime import Job, Outcome, Output, function

WORKS_S = float(os.environ["WORKS_S"])


def work(job: Job) -> Outcome:
    time.sleep(WORKS_S)
    path = job.out / "thumbnail.webp"
    path.write_bytes(b"RIFF")
    return Outcome(outputs=[Output(path=path, content_type="image/webp", width_px=1, height_px=1)])


handle = function("thumbnail", work)
