"""`darkroom status`."""

import json
from pathlib import Path

import click

from infra.cli.options import as_json, data_folder


@click.command()
@data_folder
@as_json
def status(data: Path, as_json: bool) -> None:
    """Say what runs on a data folder, with every instance's pid."""
    from infra.cli.status import read_status, rows
    from infra.cli.tables import show

    found = read_status(data)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        show(("what", "kind", "where"), rows(found), empty="")
