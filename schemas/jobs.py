"""The data of a job's last event, as callbacks get it: the job document's own fields and words, without its attempts."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from schemas.errors import FailureClass
from schemas.payloads import Payload, Sha256, Size

Ended = Literal["done", "failed", "cancelled"]


class EndedError(Payload):
    """Why a task has no result."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    failure: FailureClass = Field(description="why", alias="class")
    message: str = Field(description="one sentence for people")


class EndedArtifact(Payload):
    """An object that a task made."""

    artifact_id: str = Field(description="its id")
    operation: str = Field(description="what made it")
    parameters: dict[str, Any] = Field(description="complete, with every default")
    object_key: str = Field(description="its key in the bucket `outputs`")
    content_type: str = Field(description="what its bytes are")
    bytes: Size = Field(description="its size")
    sha256: Sha256 = Field(description="of its bytes")
    width_px: int | None = Field(description="null where it has none")
    height_px: int | None = Field(description="null where it has none")
    duration_ms: int | None = Field(description="null where it has none")
    url: str = Field(default="", description="presigned anew for each try")
    expires_at: str = Field(default="", description="when the URL ends, RFC 3339")


class EndedTask(Payload):
    """One operation of the job, as it ended."""

    task_id: str = Field(description="its id")
    operation: str = Field(description="what was asked for")
    parameters: dict[str, Any] = Field(description="complete, with every default")
    state: Ended = Field(description="how it ended")
    attempt: Annotated[int, Field(ge=1)] | None = Field(description="the number of its last attempt; null where there was none")
    queued_at: str = Field(description="RFC 3339")
    started_at: str | None = Field(description="null where it never started")
    finished_at: str | None = Field(description="RFC 3339")
    artifacts: list[EndedArtifact] = Field(description="what it made")
    error: EndedError | None = Field(description="null where it is done")


class JobEnded(Payload):
    """`dev.darkroom.job.done`, `.failed` and `.cancelled`."""

    job_id: str = Field(description="its id")
    media_id: str = Field(description="what it was about")
    filename: str = Field(description="the client's name for the media")
    state: Ended = Field(description="how it ended; the event's type says the same")
    priority: str = Field(description="interactive or bulk")
    created_at: str = Field(description="RFC 3339")
    finished_at: str = Field(description="RFC 3339")
    tasks: list[EndedTask] = Field(description="in the order in which they were asked for")
