"""Makes an S3 endpoint ready for Darkroom: its buckets, and what they announce and forget. Done again it changes nothing.

The only file that touches bucket notifications; all of it is S3's own API, and only the target's ARN is the store's invention. Objects and
foreign buckets are left alone. Notifications and lifecycle of the two buckets are Darkroom's: what else stood there is replaced.
"""

from collections.abc import Iterator
from typing import Any, Final

from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule
from minio.notificationconfig import NotificationConfig, QueueConfig
from minio.versioningconfig import VersioningConfig

from infra.objects.names import BUCKETS
from infra.objects.port import StoreUnavailable
from infra.objects.s3_errors import asking
from schemas.events import UPLOAD_PREFIX, UPLOAD_TYPES
from schemas.keys import MEDIA_BUCKET

ARN: Final = "arn:minio:sqs::DARKROOM:webhook"
"""MinIO's name of the target that MINIO_NOTIFY_WEBHOOK_…_DARKROOM configures."""
EVENTS: Final = tuple(sorted("s3:ObjectCreated:" + kind.removeprefix(UPLOAD_PREFIX) for kind in UPLOAD_TYPES))
ABORT_AFTER_DAYS: Final = 1
"""S3 counts in whole days; an upload grant is good for minutes, and a promised object expires after one day."""
_NO_SUCH_RULE: Final = (("NotImplemented", ""), ("InvalidArgument", "The XML you provided was not well-formed"))
"""Code, and how the message begins. MinIO (2026-02) does not know AbortIncompleteMultipartUpload, and takes a rule of nothing else for bad
XML; its other InvalidArguments are mistakes. It has a clock of its own for unfinished uploads, MINIO_API_STALE_UPLOADS_EXPIRY."""


class NoSuchTarget(Exception):
    """The store knows no notification target of this ARN."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"the object store has no notification target {arn}: is its webhook configured?")
        self.arn = arn


def set_up(client: Minio, *, arn: str | None) -> Iterator[str]:
    """Brings both buckets into their state, and says in words each thing that it changed, or could not.

    Args:
        client: on the endpoint that is to be set up.
        arn: the notification target of uploads; None leaves notifications as they are (a store whose operator makes them).

    Raises:
        NoSuchTarget, StoreUnavailable.
    """
    for bucket in BUCKETS:
        with asking(bucket, ""):
            if not client.bucket_exists(bucket_name=bucket):
                client.make_bucket(bucket_name=bucket)
                yield f"bucket {bucket}: made"
            if client.get_bucket_versioning(bucket_name=bucket).status == ENABLED:  # never versioned is off; it cannot be more off
                client.set_bucket_versioning(bucket_name=bucket, config=VersioningConfig(status="Suspended"))
                yield f"bucket {bucket}: versioning suspended"
        yield from _expire_unfinished(client, bucket)
    if arn is not None:
        yield from _notify(client, arn)


def _expire_unfinished(client: Minio, bucket: str) -> Iterator[str]:
    with asking(bucket, ""):
        if _rules(client.get_bucket_lifecycle(bucket_name=bucket)) == _rules(_LIFECYCLE):
            return
        try:
            client.set_bucket_lifecycle(bucket_name=bucket, config=_LIFECYCLE)
        except S3Error as exc:
            if not any(exc.code == code and str(exc.message).startswith(words) for code, words in _NO_SUCH_RULE):
                raise
            yield f"bucket {bucket}: the store takes no rule for unfinished uploads (MinIO ends them by itself, after 24 h)"
            return
    yield f"bucket {bucket}: unfinished uploads end after {ABORT_AFTER_DAYS} day"


def _notify(client: Minio, arn: str) -> Iterator[str]:
    wanted = NotificationConfig(queue_config_list=[QueueConfig(queue=arn, events=list(EVENTS), config_id="darkroom-uploads")])
    with asking(MEDIA_BUCKET, ""):
        if _targets(client.get_bucket_notification(bucket_name=MEDIA_BUCKET)) == _targets(wanted):
            return
    try:
        with asking(MEDIA_BUCKET, ""):
            client.set_bucket_notification(bucket_name=MEDIA_BUCKET, config=wanted)
    except StoreUnavailable as exc:
        if getattr(exc.__cause__, "code", None) == "InvalidArgument":  # S3's code for a target that is not there
            raise NoSuchTarget(arn) from exc
        raise
    yield f"bucket {MEDIA_BUCKET}: uploads are announced to {arn}"


_LIFECYCLE: Final = LifecycleConfig(
    [
        Rule(
            ENABLED,
            rule_filter=Filter(prefix=""),
            rule_id="darkroom-unfinished-uploads",
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=ABORT_AFTER_DAYS),
        )
    ]
)


def _rules(config: Any) -> list[tuple[str, str, int | None, bool]]:
    """What a lifecycle comes to, however a store spells it: id, status, days, and whether it does anything else."""
    found = []
    for rule in config.rules if config else ():
        abort = rule.abort_incomplete_multipart_upload
        more = any((rule.expiration, rule.noncurrent_version_expiration, rule.noncurrent_version_transition, rule.transition))
        found.append((rule.rule_id, rule.status, abort.days_after_initiation if abort else None, more))
    return found


def _targets(config: NotificationConfig) -> set[tuple[str, frozenset[str], bool]]:
    """What a notification configuration comes to: target, events, filtered or not."""
    queues = {(q.queue or "", frozenset(q.events), bool(q.prefix_filter_rule or q.suffix_filter_rule)) for q in config.queue_config_list}
    others = {(str(other), frozenset[str](), True) for other in (*config.topic_config_list, *config.cloud_func_config_list)}
    return queues | others
