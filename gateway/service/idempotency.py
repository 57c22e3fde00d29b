"""Idempotency keys: the first request of a key runs, the same again gets the same answer.

Only answers of requests that did something (2xx) are kept; a refusal frees its key, since a client that mends its request may use it
again. A request that dies under way leaves its key in flight until that lapses; whoever then comes runs anew.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.service.errors import Conflict, Invalid
from gateway.store.tables import NOW, IdempotencyRow
from schemas.errors import FieldProblem

KEPT_S = 86_400.0
IN_FLIGHT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the first request was told."""

    status: int
    body: str
    location: str | None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An answer with the fingerprint of the request that it was for."""

    fingerprint: str
    answer: Answer


def claim(session: Session, tenant: str, key: str, fingerprint: str | None) -> Kept | None:
    """Takes the key for a request that is about to run, or gives what an earlier one was told.

    Args:
        fingerprint: of the request, where it is known before the request has run.

    Raises:
        Conflict: the first request is still in flight.
        Invalid: the key was used for another request.
    """
    mine = (IdempotencyRow.tenant == tenant, IdempotencyRow.key == key)
    session.execute(delete(IdempotencyRow).where(*mine, or_(IdempotencyRow.created_at < _ago(KEPT_S), _lapsed())))
    entered = session.scalar(
        insert(IdempotencyRow)
        .values(tenant=tenant, key=key, fingerprint=fingerprint, in_flight_until=_ago(-IN_FLIGHT_S))
        .on_conflict_do_nothing()
        .returning(IdempotencyRow.key)
    )
    if entered is not None:
        return None
    row = session.scalar(select(IdempotencyRow).where(*mine))
    if row is None or (row.status is None and (fingerprint is None or row.fingerprint in (None, fingerprint))):
        raise Conflict("The first request with this Idempotency-Key is still being worked on.")
    check_same(row.fingerprint, fingerprint)
    return Kept(fingerprint=row.fingerprint or "", answer=Answer(status=row.status or 500, body=row.body or "", location=row.location))


def check_same(first: str | None, second: str | None) -> None:
    """Raises Invalid where both are known and differ."""
    if first is not None and second is not None and first != second:
        problem = FieldProblem(field="Idempotency-Key", message="used before", allowed="a new key for a new request")
        raise Invalid("This Idempotency-Key was used for another request.", [problem])


def renew(session: Session, tenant: str, key: str) -> None:
    """A long upload is still under way."""
    session.execute(update(IdempotencyRow).where(*_in_flight(tenant, key)).values(in_flight_until=_ago(-IN_FLIGHT_S)))


def keep(session: Session, tenant: str, key: str, kept: Kept) -> None:
    """The request has run, and this is what it was told."""
    answer = kept.answer
    session.execute(
        update(IdempotencyRow)
        .where(*_in_flight(tenant, key))
        .values(fingerprint=kept.fingerprint, status=answer.status, body=answer.body, location=answer.location, in_flight_until=None)
    )


def release(session: Session, tenant: str, key: str) -> None:
    """The request was refused or broke off: nothing was done, and the key is free."""
    session.execute(delete(IdempotencyRow).where(*_in_flight(tenant, key)))


def forget_expired(session: Session) -> None:
    """Removes keys that nobody can ask about any more."""
    session.execute(delete(IdempotencyRow).where(or_(IdempotencyRow.created_at < _ago(KEPT_S), _lapsed())))


def _in_flight(tenant: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (IdempotencyRow.tenant == tenant, IdempotencyRow.key == key, IdempotencyRow.status.is_(None))


def _lapsed() -> ColumnElement[bool]:
    return IdempotencyRow.status.is_(None) & (IdempotencyRow.in_flight_until < NOW)


def _ago(seconds: float) -> ColumnElement[Any]:
    return NOW - text("make_interval(secs => :s)").bindparams(s=seconds)
