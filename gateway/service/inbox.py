"""Events from the broker, each once: the inbox row and the effects are one transaction."""

import logging
from collections.abc import Callable
from functools import partial

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.domain.access import DEFAULT_TENANT
from gateway.metrics import measures
from gateway.service import results
from gateway.service.arrivals import known_tenant, look
from gateway.service.errors import Forged
from gateway.service.scrub import scrubbed, scrubbed_event
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import AttemptRow, DeadLetterRow, InboxRow, WorkRow
from infra.objects.port import BadKey, Objects
from schemas import events, keys
from schemas.envelope import Event
from schemas.ids import uuid7
from schemas.payloads import Completed, Failed

log = logging.getLogger(__name__)


def take_in(database: Database, objects: Objects, event: Event, settings: Settings) -> None:
    """Applies one event, or finds that it was applied before. What can never be applied is quarantined as a dead letter.

    Raises:
        DatabaseUnavailable, StoreUnavailable: nothing was changed; deliver it again.
    """
    event = scrubbed_event(event)
    try:
        if event.type in events.UPLOAD_TYPES and (key := _key(event)) is not None:
            objects.head(keys.MEDIA_BUCKET, key)  # a store that hangs is waited for here, where no transaction is held up
        with database.transaction() as session:
            fresh = first_time(session, event.source, event.id)
            if fresh:
                handler(event, objects)(session, event, settings)
        measures.EVENTS.labels(_known(event.type), "applied" if fresh else "repeated").inc()
    except (ValidationError, Forged, BadKey, KeyError, TypeError, ValueError) as exc:
        reason = (str(exc) or type(exc).__name__).splitlines()[0][:200]
        log.warning("quarantined an event", extra={"event_id": event.id, "event_type": event.type, "reason": reason})
        measures.EVENTS.labels(_known(event.type), "quarantined").inc()
        with database.transaction() as session:
            if first_time(session, f"quarantine:{event.source}", event.id):  # a forged word must not make the true one a repetition
                keep(session, event, code=None, message=scrubbed(f"The event could not be applied: {reason}"))


def first_time(session: Session, source: str, event_id: str) -> bool:
    """Enters the event; False where it is there already."""
    entered = insert(InboxRow).values(source=source, id=event_id).on_conflict_do_nothing().returning(InboxRow.id)
    return session.scalar(entered) is not None


def handler(event: Event, objects: Objects) -> Callable[[Session, Event, Settings], None]:
    """Who handles this type. An unknown one is ignored: Triggers may be wider than we are."""
    if event.type in events.UPLOAD_TYPES:
        return partial(_uploaded, objects)
    return {events.COMPLETED: _completed, events.FAILED: _failed}.get(event.type, _ignored)


def keep(session: Session, event: Event, *, code: int | None, message: str) -> None:
    """Keeps an event that nobody could take, for people to look at."""
    attempt = event.id if event.type == events.REQUESTED else event.data.get("attempt_id")
    measures.when_committed(session, lambda: measures.DEAD_LETTERS.labels(_known(event.type)).inc())
    session.add(
        DeadLetterRow(
            id=uuid7(),
            tenant=_tenant(session, event, attempt),
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


def _tenant(session: Session, event: Event, attempt: object) -> str:
    """Whose event it is, as far as the ledger knows; the house's own where it does not."""
    if event.type in events.UPLOAD_TYPES:
        try:
            key = _key(event)
        except (KeyError, TypeError):
            key = None
        return known_tenant(session, key) if key is not None else DEFAULT_TENANT
    owner = select(WorkRow.tenant).join(AttemptRow, AttemptRow.work_id == WorkRow.id).where(AttemptRow.id == str(attempt))
    return session.scalar(owner) or DEFAULT_TENANT


def _known(event_type: str) -> str:
    """The type, if it is one of ours or an upload's: a label's values must not be the sender's to choose."""
    return event_type if event_type in events.UPLOAD_TYPES or event_type in (*events.OWN_TYPES, events.REQUESTED) else "other"


def _uploaded(objects: Objects, session: Session, event: Event, settings: Settings) -> None:
    if (key := _key(event)) is not None:
        look(session, objects, key, settings)


def _key(event: Event) -> str | None:
    """The key in the media bucket that a notification speaks of; None for another bucket's."""
    record = event.data.get("s3", event.data)
    return str(event.subject or record["object"]["key"]) if record["bucket"]["name"] == keys.MEDIA_BUCKET else None


def _completed(session: Session, event: Event, settings: Settings) -> None:
    results.completed(session, Completed.model_validate(event.data), settings)


def _failed(session: Session, event: Event, settings: Settings) -> None:
    results.failed(session, Failed.model_validate(event.data), settings)


def _ignored(session: Session, event: Event, settings: Settings) -> None:
    log.info("ignored an event", extra={"event_type": event.type})
