"""Taking uploads: through the gateway, and by a grant for the store.

The media row exists before the first byte, with the operations asked for.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from gateway.documents import GrantDocument
from gateway.domain.states import MediaState
from gateway.service.arrivals import Seen, expire, object_seen
from gateway.service.errors import Invalid
from gateway.service.queries import media_row
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import JobRow, MediaRow, UploadRow
from infra.objects.port import Objects
from schemas import keys
from schemas.errors import FieldProblem
from schemas.ids import uuid7
from schemas.times import rfc3339


def promise(database: Database, tenant: str, *, filename: str, content_type: str, operations: Sequence[Any]) -> MediaRow:
    """The row of a media whose object is still to come."""
    media_id = uuid7()
    with database.transaction() as session:
        media = MediaRow(
            id=media_id,
            tenant=tenant,
            filename=filename,
            content_type=content_type,
            object_key=keys.media_key(media_id, filename),
            state=MediaState.AWAITING_UPLOAD,
            operations=list(operations),
        )
        session.add(media)
    return media


def upload(
    database: Database, objects: Objects, settings: Settings, tenant: str, *,
    filename: str, content_type: str, operations: Sequence[Any], chunks: Iterable[bytes],
) -> MediaRow:  # fmt: skip
    """Streams one upload into the store and moves its media on, as the store's notification would.

    A stream that breaks off leaves neither row nor object.

    Raises:
        StoreFull, StoreUnavailable, DatabaseUnavailable; whatever `chunks` raises.
    """
    media = promise(database, tenant, filename=filename, content_type=content_type, operations=operations)
    try:
        stored = objects.put(keys.MEDIA_BUCKET, media.object_key, chunks, content_type=content_type)
    except BaseException:
        _forget(database, media.id)
        raise
    seen = Seen(key=media.object_key, etag=stored.etag, bytes=stored.bytes, sha256=stored.sha256)
    with database.transaction() as session:
        object_seen(session, seen, settings)
    with database.transaction() as session:
        return media_row(session, tenant, media.id)


def _forget(database: Database, media_id: str) -> None:
    """The promise is taken back. If the object came all the same, nothing living stands for it, and it is removed."""
    with database.transaction() as session:
        media = session.get(MediaRow, media_id, with_for_update=True)
        if media is None or media.state != MediaState.AWAITING_UPLOAD:
            return
        if session.scalar(select(JobRow.id).where(JobRow.media_id == media_id).limit(1)) is None:
            session.delete(media)
        else:  # somebody has found it in the list and waits for it
            expire(session, media)


def grant(
    database: Database,
    objects: Objects,
    settings: Settings,
    tenant: str,
    *,
    filename: str,
    content_type: str,
    size_bytes: int,
    operations: Sequence[Any],
) -> GrantDocument:
    """A POST policy for one object of exactly this key, type and length.

    Raises:
        Invalid: larger than an upload may be.
    """
    if size_bytes > settings.max_upload_bytes:
        raise Invalid(
            "The upload is too large.", [FieldProblem(field="bytes", message=f"{size_bytes}", allowed=f"1 to {settings.max_upload_bytes}")]
        )
    media = promise(database, tenant, filename=filename, content_type=content_type, operations=operations)
    expires_at = datetime.now(UTC) + timedelta(seconds=settings.grant_ttl_s)
    post = objects.presign_post(
        keys.MEDIA_BUCKET, media.object_key, ttl_s=settings.grant_ttl_s, content_type=content_type, exact_bytes=size_bytes
    )
    upload_id = uuid7()
    with database.transaction() as session:
        session.add(UploadRow(id=upload_id, media_id=media.id, expires_at=expires_at))
    return GrantDocument(
        upload_id=upload_id,
        media_id=media.id,
        object_key=media.object_key,
        expires_at=rfc3339(expires_at),
        url=post.url,
        fields=dict(post.fields),
    )
