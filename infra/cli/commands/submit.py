"""`darkroom submit`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from infra.cli.operations import Operation, Wish
from infra.cli.options import as_json, data_folder, gateway_url


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--op", "operations", multiple=True, type=Operation(), help="An operation for each file; may be repeated. [thumbnail]")
@click.option("--wait", is_flag=True, help="Stay until every job has ended; exit with 1 where one failed.")
@click.option("--bulk", is_flag=True, help="Let what people wait for go first.")
@gateway_url
@data_folder
@as_json
def submit(
    files: Sequence[Path], operations: Sequence[Wish], wait: bool, bulk: bool, gateway: str | None, data: Path, as_json: bool
) -> None:
    """Send files and ask for operations on each.

    \b
    darkroom submit beach.jpg
    darkroom submit *.mov --op transcode_720p --op thumbnail:longest_edge_px=640,format=jpeg --wait
    """
    from infra.cli.client import Client
    from infra.cli.display import Silence, display_for, interruptible
    from infra.cli.following import submit as run
    from infra.cli.item import exit_code
    from infra.cli.where import find_gateway
    from schemas.catalogue import DEFAULT_OPERATIONS

    client = Client(find_gateway(gateway, data))
    with interruptible(), Silence() if as_json else display_for(len(files), wait=wait) as display:
        items = run(client, files, operations or DEFAULT_OPERATIONS, "bulk" if bulk else "interactive", wait=wait, tell=display.tell)
    if as_json:
        rows = [
            {"file": str(path), "media": item.media, "job": item.job, "error": item.error or "; ".join(item.unfit) or None}
            for path, item in zip(files, items, strict=True)
        ]
        print(json.dumps({"files": rows}, indent=2))
    elif not wait and sys.stdout.isatty():
        print("`darkroom watch JOB…` follows them")
    sys.exit(exit_code(items))
