"""Rows for people: a table on a terminal, tab-separated lines without a head in a pipe."""

import sys
from collections.abc import Sequence

from infra.cli.documents import plain

ID_CELLS = 36
"""What is no longer than an id stays on one line, to be copied; the rest goes on below, and nothing is cut off."""


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
    texts = [[Text(plain(cell)) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False)
    for n, name in enumerate(head):
        whole = n < len(head) - 1 and all(row[n].cell_len <= ID_CELLS for row in texts)
        table.add_column(name, no_wrap=whole, overflow="fold")
    for row in texts:
        table.add_row(*row)
    console.print(table)
