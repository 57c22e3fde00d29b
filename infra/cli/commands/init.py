"""`darkroom init`."""

import click


@click.command()
def init() -> None:
    """Make a database and an object store of yours ready: migrations, buckets, notifications. Safe to repeat."""
    from infra.cli.init import init as run
    from infra.cli.init import read_settings

    run(read_settings(), lambda line: print(line, flush=True))
