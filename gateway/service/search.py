"""Searching a list for the words of filenames. What is found is newest first, complete over its pages, and no page reads the whole ledger.

A search looks through the newest of its list first: people mostly look for what came lately, and so a tenant's small list never meets the
words of the others, which one index holds together. What that does not fill is taken from the index where it has few matches, else the
search goes on through the list for a while. A page may so be short, or empty, and yet have a cursor to go on with.
"""

import re
from collections.abc import Callable

from sqlalchemy import ColumnElement, Select, Text, bindparam, func, literal_column, select, true
from sqlalchemy.orm import Session, aliased

from gateway.store.tables import FILENAME_WORDS, JobRow, MediaRow

_WORD = re.compile(r"[^\W_]+")

Fits = Callable[[type[MediaRow], type[JobRow]], list[ColumnElement[bool]]]
"""What belongs to a list, in terms of these two; a list of media says nothing of jobs."""

WINDOW = 500
"""So many of a list are looked through at a time, some 10 microseconds each."""
WINDOWS = 10
"""So many times for one page."""
FEW = 5_000
"""So many matches, of all tenants, are taken from the index and sorted. Fences leave the planner no other way: it knows how common a word
is, but neither how common its beginning is, nor that its matches came all at one time."""


def search(
    session: Session, row: type[MediaRow] | type[JobRow], fits: Fits, q: str, *, limit: int, cursor: str | None
) -> tuple[list[str], str | None]:
    """The ids of a page of a list: those whose media's filename has, for each word of `q`, one that begins with it.

    Args:
        row: whose list it is.
        limit: at most so many ids.
        cursor: only what is older than this id.

    Returns:
        The ids, newest first, and the cursor of the next page, None at the end.
    """
    matches = _matches(q)
    if matches is None:
        return [], None
    found: list[str] = []
    for window in range(WINDOWS):
        looked = _newest(row, fits, cursor).subquery()
        through = session.execute(select(looked.c.id, matches).select_from(looked).order_by(looked.c.id.desc())).all()
        found += [one for one, matched in through if matched]
        if len(found) > limit:
            return found[:limit], found[limit - 1]
        if len(through) < WINDOW:
            return found, None
        cursor = through[-1][0]
        if window == 0 and session.scalar(select(MediaRow.id).where(matches).offset(FEW).limit(1)) is None:
            found += session.scalars(_indexed(row, fits, cursor, matches).limit(limit + 1 - len(found)))
            return (found, None) if len(found) <= limit else (found[:limit], found[limit - 1])
    return found, cursor


def _newest(row: type[MediaRow] | type[JobRow], fits: Fits, cursor: str | None) -> Select[str, str]:
    """The next of the list with their filenames, whatever these are."""
    listed = select(row.id.label("id"), MediaRow.filename.label("filename")).where(*fits(MediaRow, JobRow))
    if row is JobRow:
        listed = listed.join(MediaRow, MediaRow.id == JobRow.media_id)
    if cursor is not None:
        listed = listed.where(row.id < cursor)
    return listed.order_by(row.id.desc()).limit(WINDOW)


def _indexed(row: type[MediaRow] | type[JobRow], fits: Fits, cursor: str, matches: ColumnElement[bool]) -> Select[str]:
    """What is in the list of the few media that match: a limit and an offset that leave nothing out, but that no plan goes past."""
    media = aliased(MediaRow, select(MediaRow).where(matches).limit(FEW).subquery())
    if row is MediaRow:
        return select(media.id).where(*fits(media, JobRow), media.id < cursor).order_by(media.id.desc())
    job = aliased(JobRow, select(JobRow).where(JobRow.media_id == media.id).offset(0).lateral())
    return select(job.id).select_from(media).join(job, true()).where(*fits(media, job), job.id < cursor).order_by(job.id.desc())


def _matches(q: str) -> ColumnElement[bool] | None:
    """None where `q` has no word."""
    words = _WORD.findall(q)
    if not words:
        return None
    wanted = bindparam("words", " & ".join(f"{word}:*" for word in words), type_=Text)
    return literal_column(FILENAME_WORDS).op("@@", is_comparison=True)(func.to_tsquery(literal_column("'simple'::regconfig"), wanted))
