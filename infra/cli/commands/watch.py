"""`darkroom watch`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from infra.cli.options import data_folder, gateway_url


@click.command()
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@gateway_url
@data_folder
@click.option("--json", "as_json", is_flag=True, help="JSON lines: the job's document whenever it has changed.")
def watch(jobs: Sequence[str], gateway: str | None, data: Path, as_json: bool) -> None:
    """Follow jobs until they have ended; exit with 1 where one failed."""
    from infra.cli.client import Client
    from infra.cli.display import JobLines, display_for, interruptible
    from infra.cli.following import follow
    from infra.cli.item import exit_code
    from infra.cli.where import find_gateway

    client = Client(find_gateway(gateway, data))
    chosen = JobLines(lambda line: print(line, flush=True)) if as_json else display_for(len(jobs), wait=True)
    with interruptible(), chosen as display:
        items = follow(client, jobs, display.tell)
    sys.exit(exit_code(items))
