"""Taking uploads through the gateway. Those that go to the store directly are `grants`'.

The media row exists before the first byte, with the operations asked for.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from gateway.domain.states import MediaState
from gateway.service.arrivals import Seen, expire, object_seen
from gateway.service.queries import media_row
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import JobRow, MediaRow
from infra.objects.port import Objects
from schemas import keys
from schemas.ids import uuid7


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
        forget(database, media.id)
        raise
    seen = Seen(key=media.object_key, etag=stored.etag, bytes=stored.bytes, sha256=stored.sha256)
    with database.transaction() as session:
        object_seen(session, seen, settings)
    with database.transaction() as session:
        return media_row(session, tenant, media.id)


def forget(database: Database, media_id: str) -> None:
    """The promise is taken back. If the object came all the same, nothing living stands for it, and it is removed."""
    with database.transaction() as session:
        media = session.get(MediaRow, media_id, with_for_update=True)
        if media is None or media.state != MediaState.AWAITING_UPLOAD:
            return
        if session.scalar(select(JobRow.id).where(JobRow.media_id == media_id).limit(1)) is None:
            session.delete(media)
        else:  # somebody has found it in the list and waits for it
            expire(session, media)
