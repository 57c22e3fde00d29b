"""The broker's tables and every statement on them, on one pg8000 connection.

Each delivery row carries its own copy of the event: most events here match one Trigger, and a finished delivery is then
one deleted row. Times are epoch seconds of this machine's clock, so that no backoff, however long, overflows a date.
"""

import contextlib
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pg8000.exceptions
import pg8000.native

from infra.local.broker.event import Event
from infra.local.broker.records import Delivery
from infra.local.errors import BrokerAlreadyRunning

ERRORS = (pg8000.exceptions.Error, OSError, ssl.SSLError)

# For connecting and for each statement: a database that hangs is as good as one that is away.
_TIMEOUT_S = 10
# Any number will do that nothing else in this database uses: "broker" in ASCII.
_LOCK = 0x62726F6B6572

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS broker;
CREATE TABLE IF NOT EXISTS broker.delivery (
    id bigint PRIMARY KEY, trigger text NOT NULL, event text NOT NULL, data bytea NOT NULL, due_at double precision NOT NULL,
    attempt integer NOT NULL, dead_letter boolean NOT NULL, error text NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_due ON broker.delivery (trigger, due_at, id);
CREATE TABLE IF NOT EXISTS broker.lost (
    id bigint PRIMARY KEY, trigger text NOT NULL, event text NOT NULL, data bytea NOT NULL, reason text NOT NULL,
    lost_at timestamptz NOT NULL DEFAULT now());
"""

_WRITE = """
WITH lost AS (
    INSERT INTO broker.lost (id, trigger, event, data, reason)
    SELECT d.id, d.trigger, d.event, d.data, gone.reason FROM broker.delivery d
    JOIN unnest(CAST(:lost_ids AS bigint[]), CAST(:lost_reasons AS text[])) AS gone (id, reason) ON gone.id = d.id
    ON CONFLICT DO NOTHING),
finished AS (DELETE FROM broker.delivery WHERE id = ANY (CAST(:done_ids AS bigint[]))),
delayed AS (
    UPDATE broker.delivery d SET due_at = n.due_at, attempt = n.attempt, dead_letter = n.dead_letter, error = n.error
    FROM unnest(CAST(:delayed_ids AS bigint[]), CAST(:delayed_dues AS float8[]), CAST(:delayed_attempts AS integer[]),
        CAST(:delayed_dead_letters AS boolean[]), CAST(:delayed_errors AS text[])) AS n (id, due_at, attempt, dead_letter, error)
    WHERE d.id = n.id)
INSERT INTO broker.delivery (id, trigger, event, data, due_at, attempt, dead_letter, error)
SELECT id, trigger, event, data, CAST(:now AS float8), 0, false, '{}'
FROM unnest(CAST(:ids AS bigint[]), CAST(:triggers AS text[]), CAST(:events AS text[]), CAST(:data AS bytea[]))
    AS n (id, trigger, event, data)
ON CONFLICT DO NOTHING
"""

_LOAD = """
SELECT id, event, data, attempt, dead_letter, error FROM broker.delivery
WHERE trigger = :trigger AND due_at <= CAST(:now AS float8) AND NOT (id = ANY (CAST(:owned AS bigint[])))
ORDER BY due_at, id LIMIT :limit
"""

_NEXT_DUE = "SELECT min(due_at) FROM broker.delivery WHERE trigger = :trigger AND due_at > CAST(:now AS float8)"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the tables hold. `pending` by trigger; `last_id`: the highest id in use, 0 when none is."""

    pending: Mapping[str, int]
    lost: int
    last_id: int


class Connection:
    """One connection that holds the broker's lock and finds its tables.

    Raises:
        BrokerAlreadyRunning: another connection holds the lock.
        One of ERRORS: no connection; any method may raise them too.
    """

    def __init__(self, database_url: str) -> None:
        self._connection = pg8000.native.Connection(**_arguments(database_url))
        try:
            _lock(self._connection)
            self._connection.run("SET client_min_messages TO warning")
            # The statements never change their plan; planning the big one anew would cost as much as its commit.
            self._connection.run("SET plan_cache_mode TO force_generic_plan")
            self._connection.run(_SCHEMA)
            self._write = self._connection.prepare(_WRITE)
            self._synchronous = True
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close, whatever state the connection is in."""
        with contextlib.suppress(*ERRORS):
            self._connection.close()

    def totals(self) -> Totals:
        pending = self._connection.run("SELECT trigger, count(*), max(id) FROM broker.delivery GROUP BY trigger")
        ((lost, last_lost),) = self._connection.run("SELECT count(*), coalesce(max(id), 0) FROM broker.lost")
        last_id = max([last_lost, *(last for _, _, last in pending)])
        return Totals(pending={trigger: count for trigger, count, _ in pending}, lost=lost, last_id=last_id)

    def write(
        self,
        *,
        inserted: Sequence[Delivery],
        done_ids: Sequence[int],
        delayed: Sequence[tuple[Delivery, float]],
        lost: Sequence[tuple[int, str]],
        synchronous: bool,
    ) -> None:
        """All changes in one statement, hence one commit. Writing the same changes again changes nothing.

        Args:
            synchronous: wait for the disk. Without, a crash of the database server may undo the changes, whole and in order:
                good enough for settlements, whose deliveries are then made once more.
        """
        if synchronous != self._synchronous:
            self._connection.run(f"SET synchronous_commit TO {'on' if synchronous else 'off'}")
            self._synchronous = synchronous
        self._write.run(
            now=time.time(),
            ids=[row.id for row in inserted],
            triggers=[row.trigger for row in inserted],
            events=[_dump(row.event) for row in inserted],
            data=[row.event.data for row in inserted],
            done_ids=[*done_ids, *(gone for gone, _ in lost)],
            delayed_ids=[row.id for row, _ in delayed],
            delayed_dues=[due_at_s for _, due_at_s in delayed],
            delayed_attempts=[row.attempt for row, _ in delayed],
            delayed_dead_letters=[row.dead_letter for row, _ in delayed],
            delayed_errors=[json.dumps(dict(row.error)) for row, _ in delayed],
            lost_ids=[gone for gone, _ in lost],
            lost_reasons=[reason.replace("\0", "") for _, reason in lost],
        )

    def load(self, trigger: str, owned: Sequence[int], limit: int) -> tuple[list[Delivery], float | None]:
        """Due deliveries that are not owned, oldest first, and when the next one falls due."""
        now = time.time()
        rows = self._connection.run(_LOAD, trigger=trigger, now=now, owned=list(owned), limit=limit)
        ((next_due_s,),) = self._connection.run(_NEXT_DUE, trigger=trigger, now=now)
        return [_delivery(trigger, row) for row in rows], next_due_s


def _delivery(trigger: str, row: Sequence[Any]) -> Delivery:
    row_id, event, data, attempt, dead_letter, error = row
    restored = _restore(event, data)
    return Delivery(id=row_id, trigger=trigger, event=restored, attempt=attempt, dead_letter=dead_letter, error=json.loads(error))


def _lock(connection: Any) -> None:
    ((locked,),) = connection.run("SELECT pg_try_advisory_lock(:lock)", lock=_LOCK)
    if not locked:
        raise BrokerAlreadyRunning("another broker process uses this database; stop it first, or give this one its own")


def _dump(event: Event) -> str:
    return json.dumps([dict(event.attributes), event.content_type, dict(event.headers)])


def _restore(event: str, data: bytes) -> Event:
    attributes, content_type, headers = json.loads(event)
    return Event(attributes=attributes, content_type=content_type, data=bytes(data), headers=headers)


def _arguments(database_url: str) -> dict[str, Any]:
    url = urlsplit(database_url)
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    host = url.hostname or query.get("host") or "localhost"
    port = url.port or int(query.get("port", 5432))
    place: dict[str, Any] = {"unix_sock": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
    return {
        "user": unquote(url.username or "postgres"),
        "password": unquote(url.password) if url.password else None,
        "database": url.path.lstrip("/") or None,
        "timeout": _TIMEOUT_S,
        "application_name": "darkroom broker",
        **place,
    }
