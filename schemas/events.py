"""Names on the road: event types, lanes, and how ids and sources are made."""

from enum import StrEnum
from typing import Final

UPLOAD_PREFIX: Final = "com.amazonaws.s3.ObjectCreated:"
UPLOAD_TYPES: Final = frozenset(UPLOAD_PREFIX + how for how in ("Put", "Post", "Copy", "CompleteMultipartUpload"))
"""Uploads, by the CloudEvents adapter for AWS S3. Other ObjectCreated kinds (PutTagging, PutRetention …) bring no new bytes."""

REQUESTED: Final = "dev.darkroom.operation.requested"
COMPLETED: Final = "dev.darkroom.operation.completed"
FAILED: Final = "dev.darkroom.operation.failed"
OWN_TYPES: Final = frozenset({REQUESTED, COMPLETED, FAILED})

JOB_DONE: Final = "dev.darkroom.job.done"
JOB_FAILED: Final = "dev.darkroom.job.failed"
JOB_CANCELLED: Final = "dev.darkroom.job.cancelled"
JOB_TYPES: Final = {"done": JOB_DONE, "failed": JOB_FAILED, "cancelled": JOB_CANCELLED}
"""By the state that a job ended in. They go to callbacks, signed; never through the broker."""

GATEWAY_SOURCE: Final = "/darkroom/gateway"
MAX_EVENT_BYTES: Final = 32 * 1024


class Lane(StrEnum):
    """The road that a request takes."""

    REQUEST = "request"  # a Knative Service answers within its time limit
    JOB = "job"  # a JobSink, for work predicted past that limit


def attempt_id(work_id: str, attempt: int) -> str:
    """The id of a work's n-th attempt, which is also its `requested` event's id."""
    return f"{work_id}.{attempt}"


def function_source(operation: str) -> str:
    """The source attribute of a function's replies."""
    return f"/darkroom/functions/{operation}"


def completed_id(attempt: str) -> str:
    return f"{attempt}.completed"


def failed_id(attempt: str) -> str:
    return f"{attempt}.failed"
