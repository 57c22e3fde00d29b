"""The dead-letter sink. It applies before it blames: a dead letter does not mean that the work failed.

When a reply cannot be delivered, Knative dead-letters the original request, though its work is done.
"""

from sqlalchemy.orm import Session

from gateway.domain.states import AttemptState
from gateway.service import inbox, results
from gateway.service.lookup import take_result
from gateway.service.scrub import scrubbed_event
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.tables import AttemptRow
from infra.objects.port import Objects
from schemas import events
from schemas.envelope import Event
from schemas.errors import FailureClass
from schemas.payloads import Failed

UNDELIVERED = "The request could not be delivered to its function."


def sink(database: Database, objects: Objects, event: Event, settings: Settings) -> None:
    """Takes one dead letter.

    Raises:
        DatabaseUnavailable, StoreUnavailable: nothing was changed; deliver it again.
    """
    event = scrubbed_event(event)
    if event.type == events.REQUESTED:
        _request(database, objects, event, settings)
    elif event.type in events.UPLOAD_TYPES or event.type in events.OWN_TYPES:
        inbox.take_in(database, objects, event, settings)
    else:
        with database.transaction() as session:
            inbox.keep(session, event, code=_code(event), message="Nobody here takes events of this type.")


def _request(database: Database, objects: Objects, event: Event, settings: Settings) -> None:
    attempt_id = event.id
    with database.transaction() as session:
        row = session.get(AttemptRow, attempt_id)
        prefix = row.output_prefix if row is not None and row.record().live else None
    if prefix is not None and take_result(database, objects, attempt_id, prefix, settings) is not None:
        return
    with database.transaction() as session:
        _judge(session, event, attempt_id, settings)


def _judge(session: Session, event: Event, attempt_id: str, settings: Settings) -> None:
    locked = results.lock_attempt(session, attempt_id)
    if locked is None:
        inbox.keep(session, event, code=_code(event), message="A request of an attempt that the ledger does not know.")
        return
    attempt = locked.attempt
    if attempt.record().live and attempt.run_id is not None:
        return  # claimed: the reaper's business
    word = Failed(
        attempt_id=attempt_id, run_id="", operation=attempt.operation, duration_ms=0, failure=FailureClass.INFRA, message=UNDELIVERED
    )
    if results.end_failed(session, word, settings, end=AttemptState.LOST):
        inbox.keep(session, event, code=_code(event), message=UNDELIVERED)


def _code(event: Event) -> int | None:
    code = event.extensions.get("knativeerrorcode", "")
    return int(code) if code.isascii() and code.isdigit() and len(code) < 4 else None
