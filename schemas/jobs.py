"""The data of a job's last event, as callbacks get it: the job document's own fields and words, without its attempts."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from schemas.errors import FailureClass
from schemas.payloads import Payload, Sha256, Size

Ended = Literal["done", "failed", "cancelled"]


class EndedError(Payload):
    """Why a task has no result."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    failure: FailureClass = Field(alias="class")
    message: str = Field(description="one sentence for people")


class EndedArtifact(Payload):
    """An object that a task made."""

    artifact_id: str
    operation: str
    parameters: dict[str, Any]
    object_key: str
    content_type: str
    bytes: Size
    sha256: Sha256
    width_px: int | None
    height_px: int | None
    duration_ms: int | None
    url: str = Field(default="", description="presigned anew for each try")
    expires_at: str = Field(default="", description="when the URL ends, RFC 3339")


class EndedTask(Payload):
    """One operation of the job, as it ended."""

    task_id: str
    operation: str
    parameters: dict[str, Any]
    state: Ended
    attempt: Annotated[int, Field(ge=1)] | None = Field(description="the number of its last attempt; null where there was none")
    queued_at: str
    started_at: str | None
    finished_at: str | None
    artifacts: list[EndedArtifact]
    error: EndedError | None


class JobEnded(Payload):
    """`dev.darkroom.job.done`, `.failed` and `.cancelled`."""

    job_id: str
    media_id: str
    filename: str
    state: Ended
    priority: str
    created_at: str
    finished_at: str
    tasks: list[EndedTask]
