"""The events of one job, from the upload to its end, as docs/events.md shows them."""

from typing import Any

from pydantic import BaseModel

from schemas import events
from schemas.envelope import Event
from schemas.errors import FailureClass
from schemas.events import Lane
from schemas.facts import Kind, MediaFacts
from schemas.jobs import EndedArtifact, EndedTask, JobEnded
from schemas.keys import attempt_prefix
from schemas.payloads import ArtifactFacts, Completed, Failed, Requested, Source

MEDIA_ID = "019a6c1e-7f00-7a3b-9c4d-5e6f708192a3"
JOB_ID = "019a6c1e-8210-7b4c-8d5e-6f708192a3b4"
TASK_ID = "019a6c1e-8211-7c5d-9e6f-708192a3b4c5"
ARTIFACT_ID = "019a6c1e-9a33-7d6e-8f70-8192a3b4c5d6"
WORK_ID = "019a6c1e-8212-7a01-8b02-030405060708"
RUN_ID = "019a6c1e-8900-7b12-8c13-141516171819"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
THUMBNAIL_SHA256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
TOKEN = "1f3870be274f6c49b3e31a0c6728957f"  # noqa: S105  (an example)
KEY, ETAG, BYTES = f"media/{MEDIA_ID}.jpg", "5d41402abc4b2a76b9719d911017c592", 482_113
ATTEMPT_ID = events.attempt_id(WORK_ID, 1)
PREFIX = attempt_prefix(tenant="default", content=SHA256, operation="thumbnail", version=1, work_id=WORK_ID, attempt=1)
PARAMETERS = {"longest_edge_px": 320, "format": "webp"}
TIMES = ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.420Z", "2026-03-01T12:00:00.910Z")

RECORD: dict[str, Any] = {
    "eventVersion": "2.0",
    "eventSource": "minio:s3",
    "awsRegion": "",
    "eventTime": TIMES[0],
    "eventName": "s3:ObjectCreated:Put",
    "responseElements": {"x-amz-request-id": "18A2B3C4D5E6F708"},
    "s3": {
        "bucket": {"name": "media"},
        "object": {"key": KEY.replace("/", "%2F"), "size": BYTES, "eTag": ETAG, "sequencer": "18A2B3C4D5E6F709"},
    },
}
_FACTS = MediaFacts(
    kind=Kind.IMAGE, container="jpeg", width_px=4032, height_px=3024, bit_depth=8, has_alpha=False, animated=False, orientation=1,
    color_profile="Display P3", sha256=SHA256, bytes=BYTES,
)  # fmt: skip
_ARTIFACT = ArtifactFacts(
    object_key=f"{PREFIX}thumbnail.webp", content_type="image/webp", bytes=9120, sha256=THUMBNAIL_SHA256, width_px=320, height_px=240
)


def _event(type: str, id: str, source: str, data: BaseModel, time: str) -> Event:
    return Event(
        id=id, source=source, type=type, subject=MEDIA_ID, time=time, data=data.model_dump(mode="json", by_alias=True),
        extensions={"operation": "thumbnail", "lane": Lane.REQUEST},
    )  # fmt: skip


REQUESTED = _event(
    events.REQUESTED,
    ATTEMPT_ID,
    events.GATEWAY_SOURCE,
    Requested(
        attempt_id=ATTEMPT_ID, work_id=WORK_ID, attempt=1, token=TOKEN, tenant="default", operation="thumbnail", version=1,
        parameters=PARAMETERS, deadline_s=60, facts=_FACTS, output_bucket="outputs", output_prefix=PREFIX,
        source=Source(bucket="media", key=KEY, etag=ETAG, bytes=BYTES, filename="beach.jpg"),
    ),
    TIMES[0],
)  # fmt: skip
COMPLETED = _event(
    events.COMPLETED,
    events.completed_id(ATTEMPT_ID),
    events.function_source("thumbnail"),
    Completed(attempt_id=ATTEMPT_ID, run_id=RUN_ID, token=TOKEN, operation="thumbnail", duration_ms=48, artifacts=[_ARTIFACT]),
    TIMES[2],
)
FAILED = _event(
    events.FAILED,
    events.failed_id(ATTEMPT_ID),
    events.function_source("thumbnail"),
    Failed(
        attempt_id=ATTEMPT_ID, run_id=RUN_ID, token=TOKEN, operation="thumbnail", duration_ms=12, failure=FailureClass.BAD_INPUT,
        message="The picture ends in the middle of its data.", log_tail="image file is truncated (21 bytes not processed)",
    ),
    TIMES[2],
)  # fmt: skip
JOB_DONE = Event(
    id="019a6c1e-9b00-7c23-8d24-252627282930",
    source=events.GATEWAY_SOURCE,
    type=events.JOB_DONE,
    subject=JOB_ID,
    time=TIMES[2],
    extensions={},
    data=JobEnded(
        job_id=JOB_ID, media_id=MEDIA_ID, filename="beach.jpg", state="done", priority="interactive", created_at=TIMES[0],
        finished_at=TIMES[2],
        tasks=[
            EndedTask(
                task_id=TASK_ID, operation="thumbnail", parameters=PARAMETERS, state="done", attempt=1, queued_at=TIMES[0],
                started_at=TIMES[1], finished_at=TIMES[2], error=None,
                artifacts=[
                    EndedArtifact(
                        **_ARTIFACT.model_dump(), artifact_id=ARTIFACT_ID, operation="thumbnail", parameters=PARAMETERS,
                        url=f"http://localhost:9000/outputs/{_ARTIFACT.object_key}?X-Amz-…", expires_at="2026-03-01T13:00:00.000Z",
                    )
                ],
            )
        ],
    ).model_dump(mode="json", by_alias=True),
)  # fmt: skip
