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
    from infra.cli.status import read_status, table

    found = read_status(data)
    print(json.dumps(found, indent=2) if as_json else table(found))
