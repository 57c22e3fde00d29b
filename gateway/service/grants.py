"""Direct uploads: the client sends the bytes to the store, by one POST or in parts that it may resume.

Which parts have come, the store alone knows. Neither kind needs the gateway for its media to move on: the store's notification does that,
and the reconciler where it is lost. An upload's life is its media's: it ends when the media has an object, or never will.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update

from gateway.documents import DonePartDocument, GrantDocument, MultipartDocument, PartDocument
from gateway.domain import parts as cutting
from gateway.domain.states import MediaState
from gateway.service.arrivals import Seen, object_seen
from gateway.service.errors import Conflict, Gone, Invalid, NotFound
from gateway.service.queries import media_row
from gateway.service.removal import delete_media
from gateway.service.uploads import forget, promise
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import NOW, MediaRow, UploadRow
from infra.objects.port import BadParts, NoSuchUpload, Objects, ObjectStoreError, Part
from schemas import keys
from schemas.errors import FieldProblem
from schemas.ids import uuid7
from schemas.times import rfc3339

log = logging.getLogger(__name__)
PAGE = 200
DROPPED = "The store no longer has this upload; begin another."


class Grants:
    """Direct uploads of one tenant."""

    def __init__(self, database: Database, objects: Objects, settings: Settings, tenant: str) -> None:
        self._database, self._objects, self._settings, self._tenant = database, objects, settings, tenant

    def make(
        self, *, filename: str, content_type: str, size_bytes: int, operations: Sequence[Any], multipart: bool = False
    ) -> GrantDocument | MultipartDocument:
        """A grant for one object of exactly this key and length: a POST policy, or, above 64 MiB or where it is asked for, parts.

        Raises:
            Invalid: larger than an upload may be.
            StoreUnavailable, DatabaseUnavailable.
        """
        settings = self._settings
        if size_bytes > settings.max_upload_bytes:
            problem = FieldProblem(field="bytes", message=f"{size_bytes}", allowed=f"1 to {settings.max_upload_bytes}")
            raise Invalid("The upload is too large.", [problem])
        media = promise(self._database, self._tenant, filename=filename, content_type=content_type, operations=operations)
        row = UploadRow(id=uuid7(), media_id=media.id, bytes=size_bytes)
        try:
            if multipart or size_bytes > cutting.MULTIPART_ABOVE_BYTES:
                row.part_bytes = cutting.part_bytes(size_bytes)
                row.multipart_id = self._objects.create_multipart(keys.MEDIA_BUCKET, media.object_key, content_type=content_type)
            row.expires_at = datetime.now(UTC) + timedelta(seconds=settings.awaiting_upload_s if row.multipart_id else settings.grant_ttl_s)
            with self._database.transaction() as session:
                session.add(row)
        except BaseException:
            forget(self._database, media.id)
            raise
        return self._document(row, media, [])

    def get(self, upload_id: str) -> GrantDocument | MultipartDocument:
        """How far an upload is, with fresh URLs for what is missing.

        Raises:
            NotFound, StoreUnavailable.
            Gone: the store has dropped its parts.
        """
        row, media = self._find(upload_id)
        there: Sequence[Part] = []
        if row.multipart_id is not None and _state(media) == "open":
            try:
                there = self._objects.list_parts(keys.MEDIA_BUCKET, media.object_key, row.multipart_id)
            except NoSuchUpload:  # completed this moment, or the store dropped it
                if not self._look(media):
                    raise Gone(DROPPED) from None
                row, media = self._find(upload_id)
        return self._document(row, media, there)

    def complete(self, upload_id: str, named: Sequence[tuple[int, str]]) -> MediaRow:
        """Makes an upload's parts the media's object. Done again, it changes nothing.

        Args:
            named: number and ETag of each part.

        Raises:
            NotFound.
            Conflict: it is no upload in parts.
            Gone: it was not completed in time.
            Invalid: the parts are not those of the store, or not as many bytes as were promised. Everything stays as it is.
            StoreUnavailable, StoreFull: try again.
        """
        row, media = self._find(upload_id)
        if _state(media) == "completed":
            return media
        if _state(media) == "expired":
            raise Gone("The upload was not completed in time.")
        if row.multipart_id is None:
            raise Conflict("This upload is one POST; nothing is to be completed.")
        try:
            etag = self._join(row.multipart_id, media, sorted(named), row.bytes)
        except NoSuchUpload as exc:
            if not self._look(media):
                raise Gone(DROPPED) from exc
        else:
            with self._database.transaction() as session:
                object_seen(session, Seen(key=media.object_key, etag=etag, bytes=row.bytes), self._settings)
        with self._database.transaction() as session:
            return media_row(session, self._tenant, media.id)

    def abort(self, upload_id: str) -> None:
        """Takes an upload back, its media and parts with it. Done again, it changes nothing.

        Raises:
            NotFound.
            Conflict: its object has come.
        """
        row, media = self._find(upload_id, deleted=True)
        with self._database.transaction() as session:
            locked = session.get_one(MediaRow, media.id, with_for_update=True)
            if locked.deleted_at is not None:
                return
            if locked.etag is not None:
                raise Conflict("The upload is complete; its media can be deleted.")
            delete_media(session, self._tenant, media.id, self._settings)
        try:
            _end(self._database, self._objects, row, media.object_key)
        except ObjectStoreError as exc:
            log.warning("an upload's parts are left to the reconciler", extra={"reason": str(exc)})

    def _find(self, upload_id: str, *, deleted: bool = False) -> tuple[UploadRow, MediaRow]:
        query = select(UploadRow, MediaRow).join(MediaRow).where(UploadRow.id == upload_id, MediaRow.tenant == self._tenant)
        with self._database.transaction() as session:
            found = session.execute(query if deleted else query.where(MediaRow.deleted_at.is_(None))).one_or_none()
        if found is None:
            raise NotFound("upload", upload_id)
        return found[0], found[1]

    def _join(self, multipart_id: str, media: MediaRow, named: Sequence[tuple[int, str]], promised_bytes: int) -> str:
        there = self._objects.list_parts(keys.MEDIA_BUCKET, media.object_key, multipart_id)
        problems = cutting.check(named, {part.number: (part.etag, part.bytes) for part in there}, promised_bytes)
        if problems:
            raise Invalid("The upload cannot be completed from these parts; they all stay.", problems)
        try:
            return self._objects.complete_multipart(keys.MEDIA_BUCKET, media.object_key, multipart_id, named)
        except BadParts as exc:
            raise Invalid(str(exc), [FieldProblem(field="parts", message=str(exc))]) from exc

    def _look(self, media: MediaRow) -> bool:
        """Brings the media to what is under its key now. Is there anything?"""
        info = self._objects.head(keys.MEDIA_BUCKET, media.object_key)
        if info is not None:
            with self._database.transaction() as session:
                object_seen(session, Seen(key=media.object_key, etag=info.etag, bytes=info.bytes), self._settings)
        return info is not None

    def _document(self, row: UploadRow, media: MediaRow, there: Sequence[Part]) -> GrantDocument | MultipartDocument:
        state, now = _state(media), datetime.now(UTC)
        if row.multipart_id is None:
            ttl_s, post = self._settings.grant_ttl_s, None
            if state == "open":
                post = self._objects.presign_post(
                    keys.MEDIA_BUCKET, media.object_key, ttl_s=ttl_s, content_type=media.content_type, exact_bytes=row.bytes
                )
            return GrantDocument(
                upload_id=row.id, media_id=media.id, object_key=media.object_key, state=state, bytes=row.bytes,
                expires_at=rfc3339(now + timedelta(seconds=ttl_s)), url=post and post.url, fields=dict(post.fields) if post else {},
            )  # fmt: skip
        assert row.part_bytes is not None  # an upload in parts has it
        lengths = cutting.cut(row.bytes, row.part_bytes)
        done = [part for part in there if lengths.get(part.number) == part.bytes]
        missing = lengths.keys() - {part.number for part in done} if state == "open" else set()
        ttl_s = self._settings.presign_ttl_s
        return MultipartDocument(
            upload_id=row.id, media_id=media.id, object_key=media.object_key, state=state, bytes=row.bytes,
            expires_at=rfc3339(now + timedelta(seconds=ttl_s)), resumable_until=rfc3339(row.expires_at), part_bytes=row.part_bytes,
            parts=[
                PartDocument(
                    part_number=number,
                    url=self._objects.presign_part(keys.MEDIA_BUCKET, media.object_key, row.multipart_id, number, ttl_s=ttl_s),
                )
                for number in sorted(missing)
            ],
            parts_done=[DonePartDocument(part_number=part.number, etag=part.etag, bytes=part.bytes) for part in done],
        )  # fmt: skip


def end_multiparts(database: Database, objects: Objects) -> int:
    """Drops the parts of uploads that have ended: expired, deleted, or come by another way. Returns how many ended.

    Raises:
        DatabaseUnavailable, StoreUnavailable.
    """
    ended = or_(MediaRow.state != MediaState.AWAITING_UPLOAD, MediaRow.deleted_at.is_not(None))
    open_ones = UploadRow.multipart_id.is_not(None) & UploadRow.ended_at.is_(None)
    with database.transaction() as session:
        rows = session.execute(select(UploadRow, MediaRow.object_key).join(MediaRow).where(open_ones, ended).limit(PAGE)).all()
    for row, key in rows:
        _end(database, objects, row, key)
    return len(rows)


def _end(database: Database, objects: Objects, row: UploadRow, key: str) -> None:
    if row.multipart_id is not None:
        objects.abort_multipart(keys.MEDIA_BUCKET, key, row.multipart_id)
    with database.transaction() as session:
        session.execute(update(UploadRow).where(UploadRow.id == row.id).values(ended_at=func.coalesce(UploadRow.ended_at, NOW)))


def _state(media: MediaRow) -> str:
    if media.etag is not None:
        return "completed"
    return "open" if media.state == MediaState.AWAITING_UPLOAD else "expired"
