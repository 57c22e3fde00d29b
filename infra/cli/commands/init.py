"""`darkroom init`."""

import json

import click

from infra.cli.options import as_json


@click.command()
@as_json
def init(as_json: bool) -> None:
    """Make a database and an object store of yours ready: migrations, buckets, notifications. Safe to repeat."""
    from infra.cli.init import init as run
    from infra.cli.init import read_settings

    said: list[str] = []
    run(read_settings(), said.append if as_json else lambda line: print(line, flush=True))
    if as_json:
        print(json.dumps({"said": said}, indent=2))
