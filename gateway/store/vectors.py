"""Vectors of media, one table a model: with pgvector where the server has it, else plain arrays and an exact scan.

A vector belongs to the bytes (tenant, sha256), so that equal uploads share it.
"""

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import text
from sqlalchemy.orm import Session

from schemas.payloads import Vector


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A media near another. `cosine` is between -1 and 1."""

    media_id: str
    cosine: float


def decode(vector: Vector) -> tuple[float, ...]:
    """The numbers of a vector.

    Raises:
        ValueError: the text is no base64 of that many float32.
    """
    raw = base64.b64decode(vector.base64, validate=True)
    if len(raw) != 4 * vector.dimensions:
        raise ValueError(f"{vector.dimensions} dimensions need {4 * vector.dimensions} bytes, not {len(raw)}")
    return struct.unpack(f"<{vector.dimensions}f", raw)


def save(session: Session, *, tenant: str, sha256: str, vector: Vector) -> None:
    """Keeps the vector of these bytes, replacing an older one of the same model."""
    indexed = has_pgvector(session)
    table = _table(vector.model)
    kind = f"vector({vector.dimensions})" if indexed else "real[]"
    if session.scalar(text("select to_regclass(:table)"), {"table": table}) is None:
        _make_table(session, table, kind, indexed=indexed)
    session.execute(
        text(
            f"insert into {table} values (:tenant, :sha256, cast(:embedding as {kind}))"
            " on conflict (tenant, sha256) do update set embedding = excluded.embedding"
        ),
        {"tenant": tenant, "sha256": sha256, "embedding": _literal(decode(vector), indexed)},
    )


def _make_table(session: Session, table: str, kind: str, *, indexed: bool) -> None:
    """One table a model, at its first vector; under a lock, for others may be at it too."""
    session.execute(text("select pg_advisory_xact_lock(hashtext(:table))"), {"table": table})
    session.execute(
        text(f"create table if not exists {table} (tenant text, sha256 text, embedding {kind} not null, primary key (tenant, sha256))")
    )
    if indexed:
        session.execute(text(f"create index if not exists ix_{table} on {table} using hnsw (embedding vector_cosine_ops)"))


def remove(session: Session, *, tenant: str, sha256: str) -> None:
    """Forgets the vectors of these bytes, of every model."""
    for table in session.scalars(
        text("select tablename from pg_tables where schemaname = current_schema() and tablename ~ '^vector_'")
    ).all():
        session.execute(text(f"delete from {table} where tenant = :tenant and sha256 = :sha256"), {"tenant": tenant, "sha256": sha256})


def similar(session: Session, *, tenant: str, sha256: str, model: str, limit: int) -> list[Neighbour] | None:
    """The nearest living media of the tenant, best first, itself among them; None where these bytes have no vector."""
    table = _table(model)
    if session.scalar(text("select to_regclass(:table)"), {"table": table}) is None:
        return None
    own = session.scalar(
        text(f"select cast(embedding as text) from {table} where tenant = :tenant and sha256 = :sha256"),
        {"tenant": tenant, "sha256": sha256},
    )
    if own is None:
        return None
    distance = "embedding <=> cast(:own as vector)" if has_pgvector(session) else _SCAN
    rows = session.execute(
        text(
            f"with near as (select sha256, {distance} as distance from {table} where tenant = :tenant order by distance limit :limit)"
            " select m.id, 1 - near.distance as cosine from near join media m on m.tenant = :tenant and m.sha256 = near.sha256"
            " where m.state = 'accepted' and m.deleted_at is null order by near.distance, m.id limit :limit"
        ),
        {"own": own, "tenant": tenant, "limit": limit},
    )
    return [Neighbour(media_id=row.id, cosine=float(row.cosine)) for row in rows]


_SCAN = "1 - (select sum(a * b) from unnest(embedding, cast(:own as real[])) as pairs(a, b))"
"""The same distance without pgvector: vectors are L2-normalised, so the dot product is the cosine."""


@cache
def _table(model: str) -> str:
    return "vector_" + re.sub(r"[^a-z0-9]+", "_", model.lower())


def has_pgvector(session: Session) -> bool:
    """Has this database the `vector` extension? The first migration makes it where it can."""
    return session.scalar(text("select 1 from pg_extension where extname = 'vector'")) is not None


def _literal(values: Sequence[float], indexed: bool) -> str:
    inner = ",".join(repr(value) for value in values)
    return f"[{inner}]" if indexed else "{" + inner + "}"
