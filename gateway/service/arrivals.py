"""An object is seen in the media bucket: by its notification, by the gateway's own put, by the reconciler. One path for all.

A notification is a hint, and so is a listing: they come late, twice and out of order. What counts is what the store says under the key's
lock, where nobody can have seen anything newer.
"""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.domain.access import DEFAULT_TENANT
from gateway.domain.media import Action, Row, arrive
from gateway.domain.states import MediaState, WorkState
from gateway.service.admission import admit_all
from gateway.service.jobs import create_asked_for, default_operations
from gateway.service.tasks import fail_queued_tasks_of_media
from gateway.service.works import URGENCY, Identity, locked_work
from gateway.settings import Settings
from gateway.store.tables import NOW, ApiKeyRow, DoomedObjectRow, MediaRow, WorkRow
from infra.objects.port import Objects
from schemas import keys
from schemas.catalogue import CATALOGUE, DEFAULT_OPERATIONS
from schemas.errors import FailureClass
from schemas.ids import uuid7
from schemas.parameters import ProbeParameters

NEVER_CAME = "The object never came."
GONE = "The object was replaced or removed before it could be probed."


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One version of an object in the media bucket."""

    key: str
    etag: str
    bytes: int
    sha256: str | None = None  # known only to whoever wrote it


def look(session: Session, objects: Objects, key: str, settings: Settings) -> str | None:
    """Something has happened to this key: brings its media to what is there now. Returns the id of the media that stands for it, if any.

    Raises:
        StoreUnavailable, BadKey.
    """
    _lock_key(session, key)
    info = objects.head(keys.MEDIA_BUCKET, key)
    if info is not None:
        return object_seen(session, Seen(key=key, etag=info.etag, bytes=info.bytes), settings)
    for media in _locked_rows(session, key):
        if media.etag is not None and media.gone_at is None and not media.dead:
            lose(session, media)
    return None


def object_seen(session: Session, seen: Seen, settings: Settings) -> str | None:
    """Moves on the media of this key. Returns the id of the media that stands for the object, or None where none may."""
    _lock_key(session, seen.key)
    rows = _locked_rows(session, seen.key)
    doomed = set(
        session.scalars(select(DoomedObjectRow.etag).where(DoomedObjectRow.bucket == keys.MEDIA_BUCKET, DoomedObjectRow.key == seen.key))
    )
    arrival = arrive(own=keys.is_own(seen.key), rows=[_record(row, doomed) for row in rows], etag=seen.etag)
    by_id = {row.id: row for row in rows}
    for media_id in arrival.replaced:
        lose(session, by_id[media_id])
    if arrival.action is Action.REMOVE:
        session.execute(insert(DoomedObjectRow).values(bucket=keys.MEDIA_BUCKET, key=seen.key, etag=seen.etag).on_conflict_do_nothing())
        return None
    if arrival.action is Action.ADOPT:
        media = adopt(session, seen)
        take(session, media, seen, settings)
        return media.id
    media = by_id[arrival.media_id or ""]
    if arrival.action is Action.TAKE:
        take(session, media, seen, settings)
    elif arrival.action is Action.WAKE:
        media.gone_at, media.uploaded_at = None, NOW
        if media.state == MediaState.FAILED:
            take(session, media, seen, settings)
    elif seen.sha256 is not None and media.sha256 is None and media.state == MediaState.UPLOADED:
        media.sha256 = seen.sha256  # the notification overtook the gateway's own word
    return media.id


def take(session: Session, media: MediaRow, seen: Seen, settings: Settings) -> None:
    """The media has its object: uploaded, asked-for operations become a job, probe goes out."""
    media.etag, media.bytes, media.sha256 = seen.etag, seen.bytes, seen.sha256
    media.state, media.uploaded_at = MediaState.UPLOADED, NOW
    media.error_class = media.error_message = media.gone_at = None
    session.flush()
    create_asked_for(session, media, settings)
    send_probe(session, media, settings)


def send_probe(session: Session, media: MediaRow, settings: Settings) -> None:
    """The probe of this version of the media's object: a work like any other, once per (media, ETag).

    One that is done already was done in vain: its media had lost the object by then, or the bytes were not those uploaded. It is
    forgotten, and another made.
    """
    work = _probe_work(session, media)
    if work.state == WorkState.DONE:
        session.delete(work)
        session.flush()
        _probe_work(session, media)
    session.flush()
    admit_all(session, ["probe"], settings)


def _probe_work(session: Session, media: MediaRow) -> WorkRow:
    content = f"{media.id}:{media.etag}"
    identity = Identity(tenant=media.tenant, content=content, operation=CATALOGUE["probe"], parameters=ProbeParameters())
    return locked_work(session, identity, urgency=URGENCY["interactive"])


def lose(session: Session, media: MediaRow) -> None:
    """The key no longer holds this media's object. Unprobed, it has failed; accepted, it keeps its artifacts."""
    media.gone_at = func.coalesce(MediaRow.gone_at, NOW)
    if media.state == MediaState.UPLOADED:
        media.state = MediaState.FAILED
        media.error_class, media.error_message = FailureClass.INFRA, GONE
        session.flush()
        fail_queued_tasks_of_media(session, media.id, FailureClass.INFRA, GONE)
    session.flush()


def expire(session: Session, media: MediaRow) -> None:
    """The promised object never came, and never will."""
    media.state, media.expired_at = MediaState.FAILED, NOW
    media.error_class, media.error_message = FailureClass.INFRA, NEVER_CAME
    session.flush()
    fail_queued_tasks_of_media(session, media.id, FailureClass.INFRA, NEVER_CAME)


def adopt(session: Session, seen: Seen) -> MediaRow:
    """A new media for an object that came straight into the bucket, or that overwrote another's. It gets the default operations."""
    media = MediaRow(
        id=uuid7(),
        tenant=known_tenant(session, seen.key),
        filename=seen.key.rsplit("/", 1)[-1],
        content_type="application/octet-stream",
        object_key=seen.key,
        state=MediaState.AWAITING_UPLOAD,
        operations=default_operations(DEFAULT_OPERATIONS),
    )
    session.add(media)
    session.flush()
    return media


def known_tenant(session: Session, key: str) -> str:
    """Whose a key in the media bucket is: its media's, else its first segment's if keys were made for a tenant of that name."""
    before = session.scalar(select(MediaRow.tenant).where(MediaRow.object_key == key).order_by(MediaRow.id.desc()).limit(1))
    first, _, rest = key.partition("/")
    named = rest and session.scalar(select(ApiKeyRow.tenant).where(ApiKeyRow.tenant == first).limit(1))
    return before or named or DEFAULT_TENANT


def _lock_key(session: Session, key: str) -> None:
    """Comes before the lock of any media: whoever wants to see the key waits until what was seen before is in the ledger."""
    session.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _locked_rows(session: Session, key: str) -> list[MediaRow]:
    query = select(MediaRow).where(MediaRow.object_key == key).order_by(MediaRow.id).with_for_update()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _record(row: MediaRow, doomed: set[str]) -> Row:
    return Row(
        media_id=row.id,
        state=MediaState(row.state),
        etag=row.etag,
        gone=row.gone_at is not None,
        dead=row.dead,
        object_awaits_removal=row.etag in doomed,
    )
