"""The documents that clients read: one model each, the schemas of `/openapi.json` too. Built by `gateway.service.queries`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.access import Scope
from gateway.domain.states import MediaState, TaskState
from gateway.domain.webhooks import WebhookState
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
    """An original, as uploaded."""

    media_id: Id
    filename: str = Field(description="the client's name for it: words for people, never a path")
    content_type: str = Field(description="what was declared; what was found, once probed")
    object_key: str = Field(description="its key in the bucket `media`")
    bytes: Size | None
    sha256: Sha256 | None
    state: MediaState
    facts: MediaFacts | None = Field(description="what probe found; null until then")
    error: ErrorDocument | None = Field(description="why it was rejected or failed")
    created_at: Moment


class MediaList(Document):
    """A page of media, newest first."""

    media: list[MediaDocument]
    next_cursor: Cursor


class ArtifactDocument(Document):
    """One object that an operation made."""

    artifact_id: Id
    operation: str
    parameters: dict[str, Any] = Field(description="complete, with every default")
    object_key: str = Field(description="its key in the bucket `outputs`")
    content_type: str
    bytes: Size
    sha256: Sha256
    width_px: int | None
    height_px: int | None
    duration_ms: Size | None
    url: Url = Field(description="presigned: works from curl, with Range, until `expires_at`")
    expires_at: Moment


class ArtifactList(Document):
    """Every artifact of a media."""

    artifacts: list[ArtifactDocument]


class DevelopedDocument(MediaDocument):
    """A media with what was made of it."""

    artifacts: list[ArtifactDocument]


class DevelopedList(Document):
    """A page of media with their artifacts, newest first."""

    media: list[DevelopedDocument]
    next_cursor: Cursor


class AttemptDocument(Document):
    """One try of a task."""

    attempt: int = Field(description="1, 2, …")
    started_at: Moment | None
    finished_at: Moment | None
    failure: FailureClass | None = Field(alias="class", description="null while it runs, and where it did what it should")
    message: str | None
    log_tail: str | None = Field(description="the tool's last lines, where it failed")


class TaskDocument(Document):
    """One operation of one job."""

    task_id: Id
    operation: str
    parameters: dict[str, Any] = Field(description="complete, with every default")
    state: TaskState
    attempt: int | None = Field(description="the number of the last one")
    progress: Progress | None = Field(description="null until it is known")
    queued_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    artifacts: list[ArtifactDocument] = Field(description="what it made, once it is done")
    error: ErrorDocument | None
    attempts: list[AttemptDocument]


class CallbackDocument(Document):
    """How far the word of the job's last end has come to its callback."""

    webhook_id: Id = Field(description="the event's id; the receiver sees it as webhook-id too")
    state: WebhookState = Field(description="pending until the receiver answers 2xx (delivered) or 410 (refused), or every try failed")
    tries: int = Field(description="since the job ended, or since it was redriven")
    status: int | None = Field(description="of the last answer; null where there was none")
    message: str | None = Field(description="what went wrong last")
    next_try_at: Moment | None = Field(description="null where there is none")
    redriven_at: Moment | None = Field(description="when somebody last asked for it again")


class JobDocument(Document):
    """What a client asked for: one media, some operations."""

    job_id: Id
    media_id: Id
    filename: str = Field(description="its media's")
    state: TaskState = Field(description="running once a task is; done when all are; failed when all have ended and one failed")
    priority: Priority
    callback_url: str | None = Field(description="who is told when it has ended")
    callback: CallbackDocument | None = Field(default=None, description="null until it has ended, and where nobody is to be told")
    created_at: Moment
    finished_at: Moment | None
    tasks: list[TaskDocument] = Field(description="in the order in which they were asked for")


class JobList(Document):
    """A page of jobs, newest first."""

    jobs: list[JobDocument]
    next_cursor: Cursor


class WebhookDocument(CallbackDocument):
    """One word of a job's end, owed to its callback. A job that was tried again has several."""

    job_id: Id
    event_type: str
    callback_url: str
    ended_at: Moment = Field(description="when the job ended")


class WebhookList(Document):
    """A page of webhooks, newest first."""

    webhooks: list[WebhookDocument]
    next_cursor: Cursor


class SimilarItem(Document):
    """A neighbour."""

    media_id: Id
    score: float = Field(description="(1 + cosine) / 2")


class SimilarDocument(Document):
    """The nearest media of the same tenant, best first, without itself."""

    model: str = Field(description="whose vectors were compared")
    search: Literal["indexed", "exact"] = Field(description="`exact`: the database has no pgvector, and every vector was looked at")
    items: list[SimilarItem]


UploadState = Literal["open", "completed", "expired"]


class GrantDocument(Document):
    """A direct upload by one POST: multipart/form-data with `fields`, then `file`, to `url`. Once it is not open, there is no `url`."""

    upload_id: Id
    media_id: Id
    object_key: str
    state: UploadState
    bytes: Size
    expires_at: Moment = Field(description="until then `url` is good")
    method: Literal["POST"] = "POST"
    url: Url | None
    fields: dict[str, str]


class PartDocument(Document):
    part_number: Annotated[int, Field(ge=1)]
    url: Url


class DonePartDocument(Document):
    part_number: Annotated[int, Field(ge=1)]
    etag: str
    bytes: Size


class MultipartDocument(Document):
    """A direct upload in parts of `part_bytes`, the last one shorter: each in `parts` is a PUT of its bytes to its `url`."""

    upload_id: Id
    media_id: Id
    object_key: str
    state: UploadState
    bytes: Size
    expires_at: Moment = Field(description="until then the `parts`' URLs are good; fresh ones by GET")
    resumable_until: Moment
    method: Literal["PUT"] = "PUT"
    part_bytes: Size
    parts: list[PartDocument] = Field(description="those that are still to come")
    parts_done: list[DonePartDocument]


class OperationDocument(Document):
    """One operation that a job may name."""

    name: str
    version: int = Field(description="changes when the same input would give other bytes on purpose")
    kinds: list[Kind]
    parameters: dict[str, Any] = Field(description="a JSON Schema, with bounds and defaults")
    aliases: dict[str, dict[str, Any]] = Field(description="names for given parameters")


class OperationList(Document):
    """Every operation that a job may name."""

    operations: list[OperationDocument]


class FunctionDocument(Document):
    """An operation's function. Null where nobody says."""

    name: str
    instances: int | None
    desired: int | None
    min_scale: int | None
    max_scale: int | None


class Percentiles(Document):
    """Milliseconds."""

    p50: float
    p95: float


class DeadLetterDocument(Document):
    """`job_id` and `task_id`: of the tasks of its attempt's work the one that failed first, if any did; null where it has none."""

    id: Id
    event_type: str
    operation: str | None
    job_id: Id | None
    task_id: Id | None
    failure: FailureClass | None = Field(alias="class", description="of its attempt, once that has ended")
    code: int | None = Field(description="the HTTP status that the last delivery got, if any")
    message: str = Field(description="what it said")
    received_at: Moment
    redriven_at: Moment | None


class DeadLetterList(Document):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetterDocument]
    next_cursor: Cursor


class SessionDocument(Document):
    """Who asks. `key_id` is null where no key was needed."""

    tenant: str
    scopes: list[Scope]
    key_id: str | None


class SignedInDocument(SessionDocument):
    expires_at: Moment


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


class HealthDocument(Document):
    """The process lives."""

    status: Literal["ok"]


class ReadinessDocument(Document):
    """Whether it can work: each thing that it needs, `ok` or what is wrong."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]
