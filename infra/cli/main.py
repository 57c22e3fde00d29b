"""The `darkroom` command. Exit codes: 0 ok, 1 some work failed, 2 usage, 3 unreachable, 4 refused."""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path

import click

from infra.local.errors import LocalPlatformError

REFUSED, UNREACHABLE = 4, 3
DEFAULT_DATA = Path(".darkroom")
REPOSITORY = Path(__file__).resolve().parents[2]


@click.group()
@click.version_option(package_name="darkroom")
def main() -> None:
    """Drop media in, get developed artifacts out."""


@main.command()
@click.option(
    "--port",
    default=lambda: int(os.environ.get("DARKROOM_PORT", "8000")),
    type=click.IntRange(0, 65_535),
    help="The gateway's; 0 takes any. [8000]",
)
@click.option(
    "--data", default=DEFAULT_DATA, type=click.Path(file_okay=False, path_type=Path), show_default=True, help="Where everything is kept."
)
@click.option(
    "--manifests", default=REPOSITORY / "knative" / "base", type=click.Path(exists=True, path_type=Path), help="What to run. [knative/base]"
)
def up(port: int, data: Path, manifests: Path) -> None:
    """Start the whole system on this machine, and stay until stopped."""
    from infra.cli.up import Options
    from infra.cli.up import up as run

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(run(Options(data=data, port=port, manifests=manifests), lambda line: print(line, flush=True)))
    except LocalPlatformError as exc:
        print(f"darkroom: {exc}", file=sys.stderr)
        sys.exit(REFUSED)


@main.command()
@click.option("--data", default=DEFAULT_DATA, type=click.Path(file_okay=False, path_type=Path), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with every instance's pid.")
def status(data: Path, as_json: bool) -> None:
    """Say what runs on a data folder."""
    from infra.cli.status import Unreachable, read_status, table

    try:
        found = read_status(data)
    except Unreachable as exc:
        print(f"darkroom: {exc}", file=sys.stderr)
        sys.exit(UNREACHABLE)
    print(json.dumps(found, indent=2) if as_json else table(found))


@main.command()
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
        sys.exit(0 if run(samples, folder, console) else 1)
    except DemoFailed as exc:
        print(f"darkroom: {exc}", file=sys.stderr)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
