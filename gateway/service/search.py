"""What a search looks for in filenames: words by their beginnings, through the index that the ledger keeps of them."""

import re

from sqlalchemy import ColumnElement, Text, bindparam, false, func, literal_column, select
from sqlalchemy.orm import Session

from gateway.store.tables import FILENAME_WORDS, MediaRow

_WORD = re.compile(r"[^\W_]+")


RARE = 300
"""So many media are found by the index of words, and then sorted; what more have is met soon enough by going through them in order. The
planner cannot tell the two apart: it knows how common a word is, not how common its beginning is."""


def named(session: Session, tenant: str, q: str) -> ColumnElement[bool]:
    """Picks the media whose filename has, for each word of `q`, one that begins with it. A `q` without a word finds nothing."""
    matches = _matches(q)
    found = session.scalars(select(MediaRow.id).where(MediaRow.tenant == tenant, matches).limit(RARE + 1)).all()
    return MediaRow.id.in_(found) if len(found) <= RARE else matches


def _matches(q: str) -> ColumnElement[bool]:
    words = _WORD.findall(q)
    if not words:
        return false()
    wanted = bindparam("words", " & ".join(f"{word}:*" for word in words), type_=Text)
    return literal_column(FILENAME_WORDS).op("@@", is_comparison=True)(func.to_tsquery(literal_column("'simple'::regconfig"), wanted))
