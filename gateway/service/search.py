"""What a search looks for in filenames: words by their beginnings, through the index that the ledger keeps of them."""

import re

from sqlalchemy import ColumnElement, Text, bindparam, false, func, literal_column

from gateway.store.tables import FILENAME_WORDS

_WORD = re.compile(r"[^\W_]+")


def named(q: str) -> ColumnElement[bool]:
    """The media's filename has, for each word of `q`, one that begins with it. A `q` without a word finds nothing."""
    words = _WORD.findall(q)
    if not words:
        return false()
    wanted = bindparam("words", " & ".join(f"{word}:*" for word in words), type_=Text)
    return literal_column(FILENAME_WORDS).op("@@", is_comparison=True)(func.to_tsquery(literal_column("'simple'::regconfig"), wanted))
