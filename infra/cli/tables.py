"""Rows for people: a table on a terminal, tab-separated lines without a head in a pipe."""

import sys
from collections.abc import Sequence

from infra.cli.documents import plain


def show(head: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Prints the rows on stdout. `empty` is what a terminal says where there are none; a pipe gets nothing."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(plain(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not rows:
        console.print(empty, markup=False)
        return
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print(table)
