"""`darkroom up`."""

from collections.abc import Sequence
from pathlib import Path

import click

from infra.cli.operations import Operation, Wish
from infra.cli.options import REPOSITORY, data_folder


@click.command()
@click.option(
    "--port",
    envvar="DARKROOM_PORT",
    default=8000,
    type=click.IntRange(0, 65_535),
    help="The gateway's; 0 takes any. [8000]",
)
@data_folder
@click.option(
    "--manifests", default=REPOSITORY / "knative" / "base", type=click.Path(exists=True, path_type=Path), help="What to run. [knative/base]"
)
@click.option(
    "--watch",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Develop what is dropped into this folder, into DIR/developed.",
)
@click.option("--op", "operations", multiple=True, type=Operation(), help="With --watch: what to develop; may be repeated. [thumbnail]")
@click.option("--json", "as_json", is_flag=True, help="JSON lines: once ready, where everything is; then what is said.")
def up(port: int, data: Path, manifests: Path, watch: Path | None, operations: Sequence[Wish], as_json: bool) -> None:
    """Start the whole system on this machine, and stay until stopped."""
    if operations and watch is None:
        raise click.UsageError("--op needs --watch DIR; for single files there is `darkroom submit`")
    import asyncio
    import logging

    from infra.cli.up import Options
    from infra.cli.up import up as run
    from infra.cli.voices import ForPeople, ForPrograms
    from schemas.catalogue import DEFAULT_OPERATIONS

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    options = Options(data=data, port=port, manifests=manifests, watch=watch, operations=operations or DEFAULT_OPERATIONS)
    asyncio.run(run(options, ForPrograms() if as_json else ForPeople()))
