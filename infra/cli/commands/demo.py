"""`darkroom demo`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from infra.cli.errors import REFUSED, WORK_FAILED
from infra.cli.options import REPOSITORY, as_json


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
@as_json
def demo(samples: Path, folder: Path, as_json: bool) -> None:
    """Develop everything in sample_data/ on a system started for it, and write a page of the results."""
    from rich.console import Console

    from infra.cli.demo.run import DemoFailed
    from infra.cli.demo.run import demo as run

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200, stderr=as_json)
    try:
        shown = run(samples, folder, console)
    except DemoFailed as exc:
        print(f"darkroom: {exc}", file=sys.stderr)
        sys.exit(REFUSED)
    if as_json:
        rows = [{**asdict(line), "problems": list(line.problems)} for line in shown.lines]
        print(json.dumps({"ok": shown.good, "page": str(shown.page), "took_s": round(shown.took_s, 3), "results": rows}, indent=2))
    if not shown.good:
        sys.exit(WORK_FAILED)
