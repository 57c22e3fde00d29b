"""`darkroom demo`."""

import sys
from pathlib import Path

import click

from infra.cli.errors import REFUSED, WORK_FAILED
from infra.cli.options import REPOSITORY


@click.command()
@click.option(
    "--samples",
    default=REPOSITORY / "sample_data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What to develop. [sample_data]",
)
@click.option(
    "--folder",
    default=REPOSITORY / "build" / "demo",
    type=click.Path(file_okay=False, path_type=Path),
    help="For the results. [build/demo]",
)
def demo(samples: Path, folder: Path) -> None:
    """Develop everything in sample_data/ on a system started for it, and write a page of the results."""
    from rich.console import Console

    from infra.cli.demo.run import DemoFailed
    from infra.cli.demo.run import demo as run

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    try:
        if not run(samples, folder, console):
            sys.exit(WORK_FAILED)
    except DemoFailed as exc:
        print(f"darkroom: {exc}", file=sys.stderr)
        sys.exit(REFUSED)
