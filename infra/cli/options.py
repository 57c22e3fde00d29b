"""Options that several commands share. Defaults that come from the environment are read when the command runs."""

from pathlib import Path

import click

DEFAULT_DATA = Path(".darkroom")
REPOSITORY = Path(__file__).resolve().parents[2]

data_folder = click.option(
    "--data",
    default=DEFAULT_DATA,
    type=click.Path(file_okay=False, path_type=Path),
    show_default=True,
    help="The data folder of the system that is meant.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
gateway_url = click.option(
    "--gateway",
    metavar="URL",
    envvar="DARKROOM_GATEWAY",
    help="Where the gateway is. [$DARKROOM_GATEWAY, else what runs on the data folder]",
)
