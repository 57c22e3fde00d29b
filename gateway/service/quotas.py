"""How many bytes a key may bring in a day: counted in the ledger, so that it holds however many processes there are."""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.service.errors import Busy
from gateway.store.tables import KeyUsageRow

TODAY = text("(now() at time zone 'utc')::date")


def spend_bytes(session: Session, key_id: str, size_bytes: int, *, bytes_per_day: int) -> None:
    """Counts bytes that come in, or that a grant allows to; they stay counted if the upload fails.

    Raises:
        Busy: they are more than this key has left today. None of them is counted then.
    """
    entry = insert(KeyUsageRow).values(key_id=key_id, day=TODAY, uploaded_bytes=size_bytes)
    added = entry.on_conflict_do_update(
        index_elements=[KeyUsageRow.key_id, KeyUsageRow.day], set_={"uploaded_bytes": KeyUsageRow.uploaded_bytes + size_bytes}
    )
    total, now = session.execute(added.returning(KeyUsageRow.uploaded_bytes, func.now())).one()
    if total > bytes_per_day:
        wait_s = until_midnight_s(now)
        raise Busy(
            f"This key may bring {bytes_per_day:,} bytes a day, and {total - size_bytes:,} are used; the next day begins at 00:00 UTC.",
            retry_after_s=wait_s,
        )


def until_midnight_s(now: datetime) -> float:
    """Seconds until the next day begins in UTC."""
    today = now.astimezone(UTC).date()
    return (datetime.combine(today + timedelta(days=1), time(), UTC) - now).total_seconds()
