"""The ledger's tables, typed. Migrations that make them are in `infra/migrations`.

Locks are always taken in this order, so that no two transactions wait for each other: media → work → attempt → jobs (by id) → slot.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, ForeignKey, Identity, Index, MetaData, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gateway.domain.access import DEFAULT_TENANT
from gateway.domain.retry import Counts
from gateway.domain.states import AttemptState, TaskState, WorkState
from gateway.domain.webhooks import WebhookState
from gateway.domain.work import Attempt, Work
from schemas.events import Lane

NOW = func.now()
"""The database's clock at the start of the transaction: the only clock that rows are stamped with."""


def after(seconds: float) -> ColumnElement[datetime]:
    """That clock in so many seconds."""
    return NOW + text("make_interval(secs => :seconds)").bindparams(seconds=seconds)


FILENAME_WORDS = "to_tsvector('simple'::regconfig, regexp_replace(filename, '[^[:alnum:]]+', ' ', 'g'))"
"""A filename's words, as the search looks for them; an index has exactly this expression."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text(),
        int: BigInteger(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class MediaRow(Base):
    """A media. `deleted_at` and `expired_at` are final; `gone_at` says that the key holds other bytes, or none."""

    __tablename__ = "media"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    filename: Mapped[str]
    content_type: Mapped[str]
    object_key: Mapped[str] = mapped_column(index=True)
    etag: Mapped[str | None]
    bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    state: Mapped[str]
    kind: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None]
    error_class: Mapped[str | None]
    error_message: Mapped[str | None]
    operations: Mapped[list[Any]] = mapped_column(
        comment="asked for with the upload: [[operation, parameters], …]; empty once they are a job"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    uploaded_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_media_tenant_id", "tenant", "id"),
        Index("ix_media_tenant_sha256", "tenant", "sha256"),
        Index("ix_media_tenant_state_id", "tenant", "state", "id", postgresql_where=text("deleted_at is null")),
        Index("ix_media_tenant_state", "tenant", "state", postgresql_where=text("deleted_at is null")),
        Index("ix_media_tenant_kind_id", "tenant", "kind", "id", postgresql_where=text("deleted_at is null")),
        Index(
            "ix_media_living_key",
            text('object_key collate "C"'),
            "id",
            postgresql_where=text("etag is not null and gone_at is null and deleted_at is null"),
        ),
        Index("ix_media_awaiting", "created_at", postgresql_where=text("state = 'awaiting_upload'")),
        Index("ix_media_filename_words", text(FILENAME_WORDS), postgresql_using="gin"),
    )

    @property
    def dead(self) -> bool:
        return self.deleted_at is not None or self.expired_at is not None


class JobRow(Base):
    """What a client asked for of one media."""

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    media_id: Mapped[str] = mapped_column(ForeignKey("media.id"), index=True)
    state: Mapped[str] = mapped_column(default=TaskState.QUEUED)
    priority: Mapped[str]
    callback_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_job_tenant_id", "tenant", "id"),
        Index("ix_job_tenant_state_id", "tenant", "state", "id"),
        Index("ix_job_tenant_state", "tenant", "state"),  # for counting: without ids it is a twentieth as large
    )


class TaskRow(Base):
    """One operation of one job. Its work is known once the media is accepted; the task may outlive it, as its attempts do."""

    __tablename__ = "task"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), index=True)
    media_id: Mapped[str] = mapped_column(ForeignKey("media.id"))
    position: Mapped[int]
    operation: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    work_id: Mapped[str | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(default=TaskState.QUEUED)
    queued_at: Mapped[datetime] = mapped_column(server_default=NOW)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error_class: Mapped[str | None]
    error_message: Mapped[str | None]

    __table_args__ = (
        Index("ix_task_tenant_state", "tenant", "state"),
        Index("ix_task_media_live", "media_id", postgresql_where=text("state in ('queued', 'running')")),
        Index("ix_task_state_queued", "queued_at", postgresql_where=text("state = 'queued'")),
        Index("ix_task_ended", "state", "finished_at", postgresql_where=text("finished_at is not null")),
    )


class WorkRow(Base):
    """One result worth making once. `content` is the sha256 of the bytes; for a probe, `{media_id}:{etag}`."""

    __tablename__ = "work"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    content: Mapped[str]
    operation: Mapped[str]
    canonical_parameters: Mapped[str]
    version: Mapped[int]
    lane: Mapped[str] = mapped_column(default=Lane.REQUEST)
    urgency: Mapped[int] = mapped_column(comment="0 interactive, 1 bulk: the best of its live tasks")
    state: Mapped[str] = mapped_column(default=WorkState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    infra_failures: Mapped[int] = mapped_column(default=0)
    tool_failures: Mapped[int] = mapped_column(default=0)
    result_attempt: Mapped[int | None]
    queued_at: Mapped[datetime] = mapped_column(server_default=NOW)
    not_before: Mapped[datetime] = mapped_column(server_default=NOW)
    traceparent: Mapped[str | None] = mapped_column(comment="whose wish it was, in whose trace: W3C Trace Context")

    __table_args__ = (
        UniqueConstraint("tenant", "content", "operation", "canonical_parameters", "version"),
        Index("ix_work_probe", "content", postgresql_where=text("operation = 'probe'"), postgresql_ops={"content": "text_pattern_ops"}),
        Index("ix_work_waiting", "operation", "lane", "urgency", "queued_at", postgresql_where=text("state = 'waiting'")),
    )

    def record(self) -> Work:
        return Work(
            state=WorkState(self.state),
            lane=Lane(self.lane),
            attempts=self.attempts,
            counts=Counts(infra=self.infra_failures, tool=self.tool_failures),
            result_attempt=self.result_attempt,
        )

    def take(self, work: Work) -> None:
        self.state, self.lane, self.attempts, self.result_attempt = work.state, work.lane, work.attempts, work.result_attempt
        self.infra_failures, self.tool_failures = work.counts.infra, work.counts.tool


class AttemptRow(Base):
    """One try of a work, `{work_id}.{n}`. It outlives its work and its media, for its slot and its late replies."""

    __tablename__ = "attempt"

    id: Mapped[str] = mapped_column(primary_key=True)
    work_id: Mapped[str] = mapped_column(index=True)
    number: Mapped[int]
    operation: Mapped[str]
    lane: Mapped[str]
    state: Mapped[str]
    holds_slot: Mapped[bool] = mapped_column(default=True)
    source_media_id: Mapped[str]
    source_etag: Mapped[str]
    output_prefix: Mapped[str]
    run_id: Mapped[str | None]
    progress: Mapped[float | None]
    failure_class: Mapped[str | None]
    message: Mapped[str | None]
    log_tail: Mapped[str | None]
    duration_ms: Mapped[int | None]
    admitted_at: Mapped[datetime] = mapped_column(server_default=NOW)
    sent_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_attempt_slots", "operation", "lane", postgresql_where=text("holds_slot")),)

    def record(self) -> Attempt:
        return Attempt(number=self.number, state=AttemptState(self.state), run_id=self.run_id, holds_slot=self.holds_slot)

    def take(self, attempt: Attempt) -> None:
        self.state, self.run_id, self.holds_slot = attempt.state, attempt.run_id, attempt.holds_slot


class SlotRow(Base):
    """One row an operation and lane: its lock makes counting and admitting one step."""

    __tablename__ = "slot"

    operation: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)


class ArtifactRow(Base):
    """An object that a work made."""

    __tablename__ = "artifact"

    id: Mapped[str] = mapped_column(primary_key=True)
    work_id: Mapped[str] = mapped_column(ForeignKey("work.id"), index=True)
    position: Mapped[int]
    object_key: Mapped[str]
    content_type: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    duration_ms: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class InboxRow(Base):
    """An event that was taken in: its effects are there, or it had none."""

    __tablename__ = "inbox"

    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(server_default=NOW, index=True)


class OutboxRow(Base):
    """An attempt whose `requested` event has to go out. `claimed_until`: a relay has it under way."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    attempt_id: Mapped[str] = mapped_column(unique=True)
    event: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    claimed_until: Mapped[datetime | None]


class WebhookRow(Base):
    """The word of one end of a job, owed to its callback; `data` is the job as it ended. `due_at` moves on while a worker has it.

    `tries` are those since the job ended or since somebody redrove it.
    """

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    job_id: Mapped[str]
    ended_at: Mapped[datetime]
    url: Mapped[str]
    event_type: Mapped[str]
    data: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default=WebhookState.PENDING)
    tries: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    message: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(server_default=NOW)
    settled_at: Mapped[datetime | None]
    redriven_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("job_id", "ended_at"),
        Index("ix_webhook_tenant_id", "tenant", "id"),
        Index("ix_webhook_tenant_state_id", "tenant", "state", "id"),
        Index("ix_webhook_due", "due_at", postgresql_where=text("state = 'pending'")),
        Index("ix_webhook_settled", "settled_at", postgresql_where=text("settled_at is not null")),
    )


class DeadLetterRow(Base):
    """An event that nobody could take, after the sink tried to apply it. `tenant` is `default` where no row says whose it is."""

    __tablename__ = "dead_letter"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    event_type: Mapped[str]
    event: Mapped[dict[str, Any]]
    operation: Mapped[str | None]
    attempt_id: Mapped[str | None]
    code: Mapped[int | None]
    message: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=NOW)
    redriven_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_dead_letter_tenant_id", "tenant", "id"),
        Index("ix_dead_letter_waiting", "tenant", postgresql_where=text("redriven_at is null")),
    )


class DoomedObjectRow(Base):
    """An object to remove: of this version only, so that a later one under the same key stays."""

    __tablename__ = "doomed_object"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    etag: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class UploadRow(Base):
    """A direct upload's grant: one POST, or parts. `ended_at`: the store holds no parts of it any more."""

    __tablename__ = "upload"

    id: Mapped[str] = mapped_column(primary_key=True)
    media_id: Mapped[str] = mapped_column(ForeignKey("media.id"))
    bytes: Mapped[int] = mapped_column(comment="as promised")
    expires_at: Mapped[datetime]
    multipart_id: Mapped[str | None] = mapped_column(comment="the store's name of an upload in parts")
    part_bytes: Mapped[int | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_upload_open_parts", "id", postgresql_where=text("multipart_id is not null and ended_at is null")),)


class IdempotencyRow(Base):
    """A client's Idempotency-Key: in flight until `in_flight_until` while `status` is null, then the answer that was given."""

    __tablename__ = "idempotency"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str | None]
    status: Mapped[int | None]
    body: Mapped[str | None]
    location: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, index=True)
    in_flight_until: Mapped[datetime | None]


class LivenessRow(Base):
    """Since when a part has been up without a gap, by the database's clock: the reaper judges nobody who could not be heard."""

    __tablename__ = "liveness"

    part: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    seen_at: Mapped[datetime]


class ApiKeyRow(Base):
    """An API key: whose it is and what it may do. Only the secret's sha256 is kept."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    scopes: Mapped[list[Any]]
    digest: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class BrowserSessionRow(Base):
    """A browser that signed in with a key: the sha256 of its cookie. It ends with its key."""

    __tablename__ = "browser_session"

    digest: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class KeyUsageRow(Base):
    """What a key has uploaded, or was granted to, on one day (UTC)."""

    __tablename__ = "key_usage"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    uploaded_bytes: Mapped[int]
