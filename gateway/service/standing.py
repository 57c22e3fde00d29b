"""How things stand in the ledger at this moment, for a scrape: what waits, what is out, what lies in the outbox, what nobody could take.

One statement, each part of it bounded by an index or by what admission lets out; never a count of all that there ever was.
"""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

MANY = 100_000
"""Where counting stops: a queue is long then, and how long exactly would cost a scan."""

_STANDING = text("""
select 'works' as what, operation, lane, count(*)::float8 as amount,
    coalesce(extract(epoch from clock_timestamp() - min(queued_at)), 0)::float8 as oldest_s
  from (select operation, lane, queued_at from work where state = 'waiting' limit :many) waiting group by operation, lane
union all
select 'out', operation, lane, count(*)::float8, coalesce(extract(epoch from clock_timestamp() - min(admitted_at)), 0)::float8
  from attempt where holds_slot group by operation, lane
union all
select 'tasks', '', '', (select count(*) from (select 1 from task where state = 'queued' limit :many) queued)::float8,
    coalesce(extract(epoch from clock_timestamp() - (select min(queued_at) from task where state = 'queued')), 0)::float8
union all
select 'outbox', '', '', count(*)::float8, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 from outbox
union all
select 'letters', '', '', count(*)::float8, 0::float8
  from (select 1 from dead_letter where redriven_at is null limit :many) kept
""")


@dataclass(frozen=True, kw_only=True)
class Heap:
    """So many, and for how long the oldest has been there, in seconds (0 where there is none)."""

    amount: float = 0.0
    oldest_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """`works` wait for a slot and `out` hold one, by operation and lane; `tasks` are queued, be it for their media's probe."""

    works: dict[tuple[str, str], Heap] = field(default_factory=dict)
    out: dict[tuple[str, str], Heap] = field(default_factory=dict)
    tasks: Heap = Heap()
    outbox: Heap = Heap()
    letters: Heap = Heap()


def standing(session: Session) -> Standing:
    """How things stand."""
    found: dict[str, dict[tuple[str, str], Heap]] = {}
    for row in session.execute(_STANDING, {"many": MANY}):
        found.setdefault(row.what, {})[row.operation, row.lane] = Heap(amount=row.amount, oldest_s=row.oldest_s)
    alone = {what: found[what]["", ""] for what in ("tasks", "outbox", "letters")}
    return Standing(works=found.get("works", {}), out=found.get("out", {}), **alone)
