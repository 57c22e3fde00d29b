"""The documents that clients read: one model each, exactly as api.md names their fields. Built by `gateway.service.queries`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.states import MediaState, TaskState
from schemas.errors import FailureClass
from schemas.facts import Kind, MediaFacts

Id = Annotated[str, Field(description="a UUIDv7", json_schema_extra={"format": "uuid"})]
Moment = Annotated[str, Field(description="RFC 3339, in UTC", json_schema_extra={"format": "date-time"})]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]
Progress = Annotated[float, Field(ge=0, le=1)]
Priority = Literal["interactive", "bulk"]
Cursor = Annotated[Id | None, Field(description="give it as `cursor` for the next page; null at the end")]


class Document(BaseModel):
    """Frozen, and nothing beyond what is declared. Its schema is of what is sent: every field is there, null or not."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, json_schema_mode="serialization")  # type: ignore[typeddict-unknown-key]


class ProblemField(Document):
    """One field that is wrong: which, why, and what would be right."""

    field: str
    message: str
    allowed: str | None


class ProblemDocument(Document):
    """An RFC 9457 problem: what every refusal is said as."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str = Field(description="one sentence for people")
    errors: list[ProblemField] = Field(description="the fields that are wrong; empty where it is none's fault")


class ErrorDocument(Document):
    """Why a task or a media ended without its result."""

    failure: FailureClass = Field(alias="class")
    message: str = Field(description="one sentence for people")


class MediaDocument(Document):
    media_id: Id
    filename: str
    content_type: str
    object_key: str
    bytes: Size | None
    sha256: Sha256 | None
    state: MediaState
    facts: MediaFacts | None
    error: ErrorDocument | None
    created_at: Moment


class MediaList(Document):
    media: list[MediaDocument]
    next_cursor: Cursor


class ArtifactDocument(Document):
    artifact_id: Id
    operation: str
    parameters: dict[str, Any]
    object_key: str
    content_type: str
    bytes: Size
    sha256: Sha256
    width_px: int | None
    height_px: int | None
    duration_ms: Size | None
    url: Url
    expires_at: Moment


class ArtifactList(Document):
    artifacts: list[ArtifactDocument]


class DevelopedDocument(MediaDocument):
    """A media with what was made of it."""

    artifacts: list[ArtifactDocument]


class DevelopedList(Document):
    media: list[DevelopedDocument]
    next_cursor: Cursor


class AttemptDocument(Document):
    attempt: int
    started_at: Moment | None
    finished_at: Moment | None
    failure: FailureClass | None = Field(alias="class")
    message: str | None
    log_tail: str | None


class TaskDocument(Document):
    task_id: Id
    operation: str
    parameters: dict[str, Any]
    state: TaskState
    attempt: int | None
    progress: Progress | None
    queued_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    artifacts: list[ArtifactDocument]
    error: ErrorDocument | None
    attempts: list[AttemptDocument]


class JobDocument(Document):
    job_id: Id
    media_id: Id
    filename: str
    state: TaskState
    priority: Priority
    callback_url: str | None
    created_at: Moment
    finished_at: Moment | None
    tasks: list[TaskDocument]


class JobList(Document):
    jobs: list[JobDocument]
    next_cursor: Cursor


class SimilarItem(Document):
    media_id: Id
    score: float


class SimilarDocument(Document):
    model: str
    items: list[SimilarItem]


class GrantDocument(Document):
    upload_id: Id
    media_id: Id
    object_key: str
    expires_at: Moment
    method: str = "POST"
    url: Url
    fields: dict[str, str]


class OperationDocument(Document):
    name: str
    version: int
    kinds: list[Kind]
    parameters: dict[str, Any]
    aliases: dict[str, dict[str, Any]]


class OperationList(Document):
    operations: list[OperationDocument]


class FunctionDocument(Document):
    name: str
    instances: int | None
    desired: int | None
    min_scale: int | None
    max_scale: int | None


class Percentiles(Document):
    p50: float
    p95: float


class DeadLetterDocument(Document):
    """`job_id` and `task_id`: of the tasks of its attempt's work the one that failed first, if any did; null where it has none."""

    id: Id
    event_type: str
    operation: str | None
    job_id: Id | None
    task_id: Id | None
    failure: FailureClass | None = Field(alias="class")
    code: int | None
    message: str
    received_at: Moment
    redriven_at: Moment | None


class DeadLetterList(Document):
    dead_letters: list[DeadLetterDocument]
    next_cursor: Cursor


class SessionDocument(Document):
    """Who asks. `key_id` is null where no key was needed."""

    tenant: str
    scopes: list[str]
    key_id: str | None


class SignedInDocument(SessionDocument):
    expires_at: str


class MinuteDocument(Document):
    """Tasks that ended in the minute that begins `at`."""

    at: Moment
    done: int
    failed: int


class StatsDocument(Document):
    """`throughput`: the last 30 minutes, oldest first. `failures_24h`: tasks that failed in the last 24 hours, by class."""

    jobs: dict[str, int]
    tasks: dict[str, int]
    media: dict[str, int]
    functions: list[FunctionDocument]
    oldest_queued_s: float
    latency_ms: dict[str, Percentiles]
    dead_letters: int
    throughput: list[MinuteDocument]
    failures_24h: dict[str, int]
