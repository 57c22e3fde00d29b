"""Events from the broker, each once: the inbox row and the effects are one transaction."""

import logging
from collections.abc import Callable

from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.service import results
from gateway.service.arrivals import Seen, object_seen
from gateway.service.errors import Forged
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import DeadLetterRow, InboxRow
from schemas import events, keys
from schemas.envelope import Event
from schemas.ids import uuid7
from schemas.payloads import Completed, Failed

log = logging.getLogger(__name__)


def take_in(database: Database, event: Event, settings: Settings) -> None:
    """Applies one event, or finds that it was applied before. What can never be applied is quarantined as a dead letter.

    Raises:
        DatabaseUnavailable: nothing was changed; deliver it again.
    """
    try:
        with database.transaction() as session:
            if first_time(session, event):
                handler(event)(session, event, settings)
    except (ValidationError, Forged, KeyError, TypeError, ValueError) as exc:
        log.warning("quarantined an event", extra={"event_id": event.id, "event_type": event.type, "reason": str(exc)[:300]})
        with database.transaction() as session:
            if first_time(session, event):
                keep(session, event, code=None, message=f"The event could not be applied: {str(exc).splitlines()[0][:200]}")


def first_time(session: Session, event: Event) -> bool:
    """Enters the event; False where it is there already."""
    entered = insert(InboxRow).values(source=event.source, id=event.id).on_conflict_do_nothing().returning(InboxRow.id)
    return session.scalar(entered) is not None


def handler(event: Event) -> Callable[[Session, Event, Settings], None]:
    """Who handles this type. An unknown one is ignored: Triggers may be wider than we are."""
    if event.type in events.UPLOAD_TYPES:
        return _uploaded
    return {events.COMPLETED: _completed, events.FAILED: _failed}.get(event.type, _ignored)


def keep(session: Session, event: Event, *, code: int | None, message: str) -> None:
    """Keeps an event that nobody could take, for people to look at."""
    attempt = event.data.get("attempt_id")
    session.add(
        DeadLetterRow(
            id=uuid7(),
            event_type=event.type,
            event={
                "id": event.id,
                "source": event.source,
                "subject": event.subject,
                "data": dict(event.data),
                "extensions": dict(event.extensions),
            },
            operation=event.operation,
            attempt_id=attempt if isinstance(attempt, str) else None,
            code=code,
            message=message,
        )
    )


def _uploaded(session: Session, event: Event, settings: Settings) -> None:
    record = event.data.get("s3", event.data)
    if record["bucket"]["name"] != keys.MEDIA_BUCKET:
        return
    item = record["object"]
    object_seen(
        session, Seen(key=event.subject or item["key"], etag=str(item["eTag"]).strip('"'), bytes=int(item.get("size", 0))), settings
    )


def _completed(session: Session, event: Event, settings: Settings) -> None:
    results.completed(session, Completed.model_validate(event.data), settings)


def _failed(session: Session, event: Event, settings: Settings) -> None:
    results.failed(session, Failed.model_validate(event.data), settings)


def _ignored(session: Session, event: Event, settings: Settings) -> None:
    log.info("ignored an event", extra={"event_type": event.type})
