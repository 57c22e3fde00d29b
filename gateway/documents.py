"""The documents that clients read: one model each, exactly as api.md names their fields. Built by `gateway.service.queries`."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.facts import MediaFacts


class Document(BaseModel):
    """Frozen, and nothing beyond what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ErrorDocument(Document):
    failure: str = Field(alias="class")
    message: str


class MediaDocument(Document):
    media_id: str
    filename: str
    content_type: str
    object_key: str
    bytes: int | None
    sha256: str | None
    state: str
    facts: MediaFacts | None
    error: ErrorDocument | None
    created_at: str


class MediaList(Document):
    media: list[MediaDocument]
    next_cursor: str | None


class ArtifactDocument(Document):
    artifact_id: str
    operation: str
    parameters: dict[str, Any]
    object_key: str
    content_type: str
    bytes: int
    sha256: str
    width_px: int | None
    height_px: int | None
    duration_ms: int | None
    url: str
    expires_at: str


class ArtifactList(Document):
    artifacts: list[ArtifactDocument]


class DevelopedDocument(MediaDocument):
    """A media with what was made of it."""

    artifacts: list[ArtifactDocument]


class DevelopedList(Document):
    media: list[DevelopedDocument]
    next_cursor: str | None


class AttemptDocument(Document):
    attempt: int
    started_at: str | None
    finished_at: str | None
    failure: str | None = Field(alias="class")
    message: str | None
    log_tail: str | None


class TaskDocument(Document):
    task_id: str
    operation: str
    parameters: dict[str, Any]
    state: str
    attempt: int | None
    progress: float | None
    queued_at: str
    started_at: str | None
    finished_at: str | None
    artifacts: list[ArtifactDocument]
    error: ErrorDocument | None
    attempts: list[AttemptDocument]


class JobDocument(Document):
    job_id: str
    media_id: str
    filename: str
    state: str
    priority: str
    callback_url: str | None
    created_at: str
    finished_at: str | None
    tasks: list[TaskDocument]


class JobList(Document):
    jobs: list[JobDocument]
    next_cursor: str | None


class SimilarItem(Document):
    media_id: str
    score: float


class SimilarDocument(Document):
    model: str
    items: list[SimilarItem]


class GrantDocument(Document):
    upload_id: str
    media_id: str
    object_key: str
    expires_at: str
    method: str = "POST"
    url: str
    fields: dict[str, str]


class OperationDocument(Document):
    name: str
    version: int
    kinds: list[str]
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

    id: str
    event_type: str
    operation: str | None
    job_id: str | None
    task_id: str | None
    failure: str | None = Field(alias="class")
    code: int | None
    message: str
    received_at: str
    redriven_at: str | None


class DeadLetterList(Document):
    dead_letters: list[DeadLetterDocument]
    next_cursor: str | None


class MinuteDocument(Document):
    """Tasks that ended in the minute that begins `at`."""

    at: str
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
