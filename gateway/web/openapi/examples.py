"""One example of each document and body: a model's instance, so that it cannot be anything that the model does not allow."""

from typing import Any

from gateway import documents
from gateway.domain.access import Scope
from gateway.domain.states import MediaState, TaskState
from gateway.domain.webhooks import WebhookState
from gateway.web import bodies
from schemas.catalogue import CATALOGUE, resolve
from schemas.errors import FailureClass
from schemas.facts import Kind, MediaFacts

MEDIA_ID = "019a6c1e-7f00-7a3b-9c4d-5e6f708192a3"
JOB_ID = "019a6c1e-8210-7b4c-8d5e-6f708192a3b4"
TASK_ID = "019a6c1e-8211-7c5d-9e6f-708192a3b4c5"
ARTIFACT_ID = "019a6c1e-9a33-7d6e-8f70-8192a3b4c5d6"
UPLOAD_ID = "019a6c1e-7e55-7e7f-9081-92a3b4c5d6e7"
LETTER_ID = "019a6c1e-b0c4-7f80-8192-a3b4c5d6e7f8"
WORK_ID = "019a6c1e-8212-7a01-8b02-030405060708"
KEY_ID = "019a6c1e-0001-7b02-8c03-040506070809"
WEBHOOK_ID = "019a6c1e-9b00-7c01-8d02-030405060708"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
THUMBNAIL_SHA256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
OBJECT_KEY = f"media/{MEDIA_ID}.jpg"
CREATED_AT, STARTED_AT, FINISHED_AT = "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.420Z", "2026-03-01T12:00:00.910Z"
EXPIRES_AT = "2026-03-01T13:00:00.000Z"
STORE = "http://localhost:9000"

FACTS = MediaFacts(
    kind=Kind.IMAGE, container="jpeg", width_px=4032, height_px=3024, bit_depth=8, has_alpha=False, animated=False, orientation=1,
    color_profile="Display P3", sha256=SHA256, bytes=482_113,
)  # fmt: skip
MEDIA = documents.MediaDocument(
    media_id=MEDIA_ID, filename="beach.jpg", content_type="image/jpeg", object_key=OBJECT_KEY, bytes=482_113, sha256=SHA256,
    state=MediaState.ACCEPTED, facts=FACTS, error=None, created_at=CREATED_AT,
)  # fmt: skip
UPLOADED = MEDIA.model_copy(update={"state": MediaState.UPLOADED, "facts": None})
MEDIA_LIST = documents.MediaList(media=[MEDIA], next_cursor=None)

_THUMBNAIL = resolve("thumbnail")
ARTIFACT = documents.ArtifactDocument(
    artifact_id=ARTIFACT_ID, operation="thumbnail", parameters=_THUMBNAIL.parameters.model_dump(mode="json"),
    object_key=f"default/{SHA256}/thumbnail/1/{WORK_ID}/1/thumbnail.webp", content_type="image/webp", bytes=9120, sha256=THUMBNAIL_SHA256,
    width_px=320, height_px=240, duration_ms=None, url=f"{STORE}/outputs/default/{SHA256}/thumbnail/1/{WORK_ID}/1/thumbnail.webp?X-Amz-…",
    expires_at=EXPIRES_AT,
)  # fmt: skip
ARTIFACTS = documents.ArtifactList(artifacts=[ARTIFACT])
DEVELOPED_LIST = documents.DevelopedList(
    media=[documents.DevelopedDocument(**MEDIA.model_dump(by_alias=True), artifacts=[ARTIFACT])], next_cursor=None
)
SIMILAR = documents.SimilarDocument(
    model="descriptor-v1", search="indexed", items=[documents.SimilarItem(media_id="019a6c1e-7f01-7a3b-9c4d-5e6f708192a4", score=0.93)]
)

_ATTEMPT = documents.AttemptDocument(attempt=1, started_at=STARTED_AT, finished_at=FINISHED_AT, failure=None, message=None, log_tail=None)
TASK = documents.TaskDocument(
    task_id=TASK_ID, operation="thumbnail", parameters=ARTIFACT.parameters, state=TaskState.DONE, attempt=1, progress=1.0,
    queued_at=CREATED_AT, started_at=STARTED_AT, finished_at=FINISHED_AT, artifacts=[ARTIFACT], error=None, attempts=[_ATTEMPT],
)  # fmt: skip
JOB = documents.JobDocument(
    job_id=JOB_ID, media_id=MEDIA_ID, filename="beach.jpg", state=TaskState.DONE, priority="interactive", callback_url=None,
    created_at=CREATED_AT, finished_at=FINISHED_AT, tasks=[TASK],
)  # fmt: skip
_WAITS: dict[str, Any] = {
    "state": TaskState.QUEUED,
    "attempt": None,
    "progress": None,
    "started_at": None,
    "finished_at": None,
    "artifacts": [],
    "attempts": [],
}
QUEUED_JOB = JOB.model_copy(update={"state": TaskState.QUEUED, "finished_at": None, "tasks": [TASK.model_copy(update=_WAITS)]})
CANCELLED_JOB = JOB.model_copy(
    update={
        "state": TaskState.CANCELLED,
        "tasks": [
            TASK.model_copy(
                update=_WAITS
                | {
                    "state": TaskState.CANCELLED,
                    "finished_at": FINISHED_AT,
                    "error": documents.ErrorDocument(failure=FailureClass.CANCELLED, message="It was cancelled."),
                }
            )
        ],
    }
)
JOB_LIST = documents.JobList(jobs=[JOB], next_cursor=None)

GRANT = documents.GrantDocument(
    upload_id=UPLOAD_ID, media_id=MEDIA_ID, object_key=OBJECT_KEY, state="open", bytes=482_113, expires_at=EXPIRES_AT, method="POST",
    url=f"{STORE}/media", fields={"key": OBJECT_KEY, "Content-Type": "image/jpeg", "policy": "eyJ…", "x-amz-signature": "5f0e…"},
)  # fmt: skip
MULTIPART = documents.MultipartDocument(
    upload_id=UPLOAD_ID, media_id=MEDIA_ID, object_key=f"media/{MEDIA_ID}.mp4", state="open", bytes=100_000_000, expires_at=EXPIRES_AT,
    resumable_until="2026-03-02T12:00:00.000Z", method="PUT", part_bytes=67_108_864,
    parts=[documents.PartDocument(part_number=2, url=f"{STORE}/media/{MEDIA_ID}.mp4?partNumber=2&uploadId=…")],
    parts_done=[documents.DonePartDocument(part_number=1, etag="d41d8cd98f00b204e9800998ecf8427e", bytes=67_108_864)],
)  # fmt: skip

OPERATION_LIST = documents.OperationList(
    operations=[
        documents.OperationDocument(
            name=one.name, version=one.version, kinds=sorted(one.kinds), parameters=one.parameters.model_json_schema(),
            aliases={name: parameters.model_dump(mode="json") for name, parameters in one.aliases.items()},
        )
        for one in CATALOGUE.values()
        if one.name == "transcode"
    ]
)  # fmt: skip
WEBHOOK = documents.WebhookDocument(
    webhook_id=WEBHOOK_ID, state=WebhookState.GIVEN_UP, tries=11, status=503, message="The receiver answers 503.", next_try_at=None,
    redriven_at=None, job_id=JOB_ID, event_type="dev.darkroom.job.done", callback_url="https://example.com/darkroom", ended_at=FINISHED_AT,
)  # fmt: skip
WEBHOOK_LIST = documents.WebhookList(webhooks=[WEBHOOK], next_cursor=None)
REDRIVEN_WEBHOOK = WEBHOOK.model_copy(
    update={"state": WebhookState.PENDING, "tries": 0, "next_try_at": "2026-03-02T12:00:00.000Z", "redriven_at": "2026-03-02T12:00:00.000Z"}
)
LETTER = documents.DeadLetterDocument(
    id=LETTER_ID, event_type="dev.darkroom.operation.requested", operation="transcode", job_id=JOB_ID, task_id=TASK_ID,
    failure=FailureClass.INFRA, code=503, message="The function could not be reached.", received_at=CREATED_AT, redriven_at=None,
)  # fmt: skip
LETTER_LIST = documents.DeadLetterList(dead_letters=[LETTER], next_cursor=None)
REDRIVEN = LETTER.model_copy(update={"redriven_at": FINISHED_AT})
STATS = documents.StatsDocument(
    jobs={"queued": 0, "running": 1, "done": 41, "failed": 1, "cancelled": 0},
    tasks={"queued": 0, "running": 1, "done": 80, "failed": 1, "cancelled": 0},
    media={"awaiting_upload": 0, "uploaded": 0, "accepted": 40, "rejected": 1, "failed": 0},
    functions=[documents.FunctionDocument(name="thumbnail", instances=1, desired=1, min_scale=0, max_scale=2)],
    oldest_queued_s=0.0, latency_ms={"thumbnail": documents.Percentiles(p50=48.0, p95=120.0)}, dead_letters=0,
    throughput=[documents.MinuteDocument(at=CREATED_AT, done=3, failed=0)], failures_24h={"bad-input": 1},
)  # fmt: skip
SESSION = documents.SessionDocument(tenant="default", scopes=sorted(Scope), key_id=KEY_ID)
SIGNED_IN = documents.SignedInDocument(**SESSION.model_dump(), expires_at="2026-03-08T12:00:00.000Z")

JOB_BODY = bodies.JobBody(
    media_id=MEDIA_ID, operations=["thumbnail", bodies.OperationItem(operation="thumbnail", parameters={"longest_edge_px": 1280})]
)
RETRY_BODY = bodies.RetryBody(task_id=TASK_ID)
UPLOAD_BODY = bodies.UploadBody(filename="beach.jpg", content_type="image/jpeg", bytes=482_113)
COMPLETION_BODY = bodies.CompletionBody(parts=[bodies.NamedPart(part_number=1, etag="d41d8cd98f00b204e9800998ecf8427e")])
SESSION_BODY = bodies.SessionBody(key="dk_…")
HEALTH = documents.HealthDocument(status="ok")
READY = documents.ReadinessDocument(status="ok", checks={"database": "ok", "object_store": "ok"})
NOT_READY = documents.ReadinessDocument(status="unavailable", checks={"database": "unavailable: DatabaseUnavailable", "object_store": "ok"})
