"""The data of our events and of the heartbeat: one model each. JSON Schemas are generated from them into `schemas/json/`."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import FailureClass
from schemas.facts import MediaFacts

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]
MAX_MESSAGE_CHARS = 500
MAX_LOG_CHARS = 4000


class Payload(BaseModel):
    """Frozen, and tolerant of fields that a later version may add."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(Payload):
    """The object to read. Every read carries If-Match with `etag`."""

    bucket: str = Field(description="the bucket it lies in")
    key: str = Field(description="its key there")
    etag: str = Field(description="what every read says in If-Match")
    bytes: Size = Field(description="its size")
    filename: str = Field(default="", description="the client's name for it; words for people, never a path")


class Requested(Payload):
    """`dev.darkroom.operation.requested`: one attempt of a work."""

    attempt_id: str = Field(description="`{work_id}.{attempt}`; also the event's id")
    work_id: str = Field(description="the work that the attempt belongs to")
    attempt: Annotated[int, Field(ge=1)] = Field(description="1, 2, …")
    token: str | None = Field(default=None, description="HMAC over the attempt id; without one the function runs without a claim")
    tenant: str = Field(default="default", description="whose media it is")
    operation: str = Field(description="also an attribute, for Triggers")
    version: int = Field(description="of the operation")
    parameters: dict[str, Any] = Field(default={}, description="complete, with every default")
    deadline_s: Annotated[int, Field(ge=1)] = Field(description="the longest that it may work")
    source: Source = Field(description="the object to read")
    facts: MediaFacts | None = Field(default=None, description="what probe found; null for probe itself")
    output_bucket: str = Field(description="where its artifacts go")
    output_prefix: str = Field(description="the attempt's own folder, ending in a slash")


class ArtifactFacts(Payload):
    """One object that an attempt wrote."""

    object_key: str = Field(description="its key in the output bucket")
    content_type: str = Field(description="what its bytes are")
    bytes: Size = Field(description="its size")
    sha256: Sha256 = Field(description="of its bytes")
    width_px: int | None = Field(default=None, description="null where it has none")
    height_px: int | None = Field(default=None, description="null where it has none")
    duration_ms: int | None = Field(default=None, description="null where it has none")


class Vector(Payload):
    """One L2-normalised mean vector: little-endian float32, base64."""

    MAX_BASE64_BYTES: ClassVar[int] = 8 * 1024

    model: str = Field(description="which model made it")
    dimensions: Annotated[int, Field(ge=1, le=1536)] = Field(description="how many numbers")
    base64: Annotated[str, Field(max_length=MAX_BASE64_BYTES)] = Field(description="the numbers")


class Completed(Payload):
    """`dev.darkroom.operation.completed`, and the whole of `result.json`."""

    attempt_id: str = Field(description="the attempt that is done")
    run_id: str = Field(description="the run that did it")
    token: str | None = Field(default=None, description="the requested event's, given back: proves that the run was asked for")
    operation: str = Field(description="what was done")
    duration_ms: Size = Field(description="wall time of the run")
    artifacts: list[ArtifactFacts] = Field(default=[], description="what it wrote")
    facts: MediaFacts | None = Field(default=None, description="from probe alone")
    content_type: str | None = Field(default=None, description="from probe alone: what the bytes are")
    vector: Vector | None = Field(default=None, description="from embed alone")


class Failed(Payload):
    """`dev.darkroom.operation.failed`."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    attempt_id: str = Field(description="the attempt that failed")
    run_id: str = Field(description="the run that failed")
    token: str | None = Field(default=None, description="the requested event's, given back: proves that the run was asked for")
    operation: str = Field(description="what was tried")
    duration_ms: Size = Field(description="wall time of the run")
    failure: FailureClass = Field(description="decides whether, and how often, it is tried again", alias="class")
    message: Annotated[str, Field(max_length=MAX_MESSAGE_CHARS)] = Field(description="one sentence for people")
    log_tail: Annotated[str, Field(max_length=MAX_LOG_CHARS)] | None = Field(default=None, description="the tool's last lines")
    source_gone: bool = Field(default=False, description="the object is not there any more, or is another one")


class Heartbeat(Payload):
    """A run's word to the gateway: the first one is the claim."""

    attempt_id: str
    run_id: str
    token: str
    progress: Annotated[float, Field(ge=0, le=1)] | None = None
    cold: bool = Field(default=False, description="the claim of a process that had claimed nothing before: somebody waited for its start")


class Verdict(StrEnum):
    """The gateway's answer to a heartbeat."""

    GO = "go"  # the attempt is this run's: work
    WAIT = "wait"  # another run has claimed it and it has not ended: answer the event with 503
    STOP = "stop"  # cancelled, superseded or ended: answer the event with 200 and no body


class HeartbeatAnswer(Payload):
    """The body of the answer to a heartbeat."""

    verdict: Verdict
