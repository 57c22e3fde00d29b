"""API keys: made, listed, revoked, and known again; and the sessions of browsers that signed in with one.

A key is asked for in the ledger on every request, so that a revoked one is refused from the next request on.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.orm import Session

from gateway.domain import api_key
from gateway.domain.access import Principal, Scope
from gateway.service.errors import Invalid, NotFound
from gateway.store.tables import NOW, ApiKeyRow, BrowserSessionRow
from schemas.errors import FieldProblem

MAX_NAME_CHARS = 100
_USE_IS_STALE = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at < NOW - text("interval '1 minute'"))


def create(session: Session, *, tenant: str, name: str, scopes: Collection[Scope]) -> tuple[ApiKeyRow, str]:
    """A new key, and its text, which nobody can ever read again.

    Raises:
        Invalid: no tenant may have that name, the key's name is empty or too long, or it has no scope.
    """
    problems = []
    if not api_key.is_tenant(tenant):
        problems.append(FieldProblem(field="tenant", message="no tenant's name", allowed="1 to 63 of a-z, 0-9 and -; not media"))
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
        problems.append(FieldProblem(field="name", message="no name", allowed=f"1 to {MAX_NAME_CHARS} printable characters"))
    if not scopes:
        problems.append(FieldProblem(field="scopes", message="none given", allowed=", ".join(Scope)))
    if problems:
        raise Invalid("; ".join(f"{one.field}: {one.message}, allowed are {one.allowed}" for one in problems) + ".", problems)
    minted = api_key.mint()
    row = ApiKeyRow(id=minted.id, tenant=tenant, name=name, scopes=sorted(set(scopes)), digest=minted.digest)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row, minted.text


def list_keys(session: Session) -> Sequence[ApiKeyRow]:
    """All, of all tenants, revoked ones too; oldest first."""
    return session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.id)).all()


def revoke(session: Session, key_id: str) -> ApiKeyRow:
    """Ends a key for good, and the sessions opened with it. Again is fine.

    Raises:
        NotFound.
    """
    row = session.get(ApiKeyRow, key_id, with_for_update=True)
    if row is None:
        raise NotFound("key", key_id)
    if row.revoked_at is None:
        row.revoked_at = NOW
    session.execute(delete(BrowserSessionRow).where(BrowserSessionRow.key_id == key_id))
    session.flush()
    session.refresh(row)
    return row


def known(session: Session, key: str) -> Principal | None:
    """Whom this key speaks for; None where it is none, wrong or revoked."""
    key_id = api_key.id_of(key)
    if key_id is None:
        return None
    found = session.execute(select(ApiKeyRow, _USE_IS_STALE).where(ApiKeyRow.id == key_id)).one_or_none()
    if found is None or not api_key.same(found[0].digest, api_key.digest(key)) or found[0].revoked_at is not None:
        return None
    return _used(session, *found)


def open_session(session: Session, principal: Principal, *, ttl_s: int) -> tuple[str, datetime]:
    """A browser signs in: the cookie's secret, and when it ends by itself. Sessions that have ended are forgotten on the way."""
    session.execute(delete(BrowserSessionRow).where(BrowserSessionRow.expires_at < NOW))
    secret = secrets.token_urlsafe(32)
    ends = NOW + text("make_interval(secs => :s)").bindparams(s=ttl_s)
    row = BrowserSessionRow(digest=api_key.digest(secret), key_id=principal.key_id or "", expires_at=ends)
    session.add(row)
    session.flush()
    session.refresh(row)
    return secret, row.expires_at


def close_session(session: Session, secret: str) -> None:
    """A browser signs out."""
    session.execute(delete(BrowserSessionRow).where(BrowserSessionRow.digest == api_key.digest(secret)))


def of_session(session: Session, secret: str) -> Principal | None:
    """Whom a browser's session speaks for; None where it has ended, or its key has.

    The digest is looked up, not compared: a cookie's sha256 cannot be steered towards another's.
    """
    open_ones = select(ApiKeyRow, _USE_IS_STALE).join(BrowserSessionRow, BrowserSessionRow.key_id == ApiKeyRow.id)
    mine = (BrowserSessionRow.digest == api_key.digest(secret), BrowserSessionRow.expires_at > NOW, ApiKeyRow.revoked_at.is_(None))
    found = session.execute(open_ones.where(*mine)).one_or_none()
    return _used(session, *found) if found is not None else None


def revoked(session: Session, key_id: str) -> bool:
    """Whether this key has ended."""
    return session.scalar(select(ApiKeyRow.id).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))) is None


def _used(session: Session, row: ApiKeyRow, stale: bool) -> Principal:
    """Whom the key speaks for. That it was used is noted once a minute, so that reading costs no write."""
    if stale:
        session.execute(update(ApiKeyRow).where(ApiKeyRow.id == row.id, _USE_IS_STALE).values(last_used_at=NOW))
    return _principal(row)


def _principal(row: ApiKeyRow) -> Principal:
    return Principal(tenant=row.tenant, key_id=row.id, scopes=frozenset(Scope(scope) for scope in row.scopes))
