"""`darkroom up`."""

import os
from pathlib import Path

import click

from infra.cli.options import REPOSITORY, data_folder


@click.command()
@click.option(
    "--port",
    default=lambda: int(os.environ.get("DARKROOM_PORT", "8000")),
    type=click.IntRange(0, 65_535),
    help="The gateway's; 0 takes any. [8000]",
)
@data_folder
@click.option(
    "--manifests", default=REPOSITORY / "knative" / "base", type=click.Path(exists=True, path_type=Path), help="What to run. [knative/base]"
)
def up(port: int, data: Path, manifests: Path) -> None:
    """Start the whole system on this machine, and stay until stopped."""
    import asyncio
    import logging

    from infra.cli.up import Options
    from infra.cli.up import up as run

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(run(Options(data=data, port=port, manifests=manifests), lambda line: print(line, flush=True)))
