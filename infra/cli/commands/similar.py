"""`darkroom similar`."""

import json
from pathlib import Path

import click

from infra.cli.options import as_json, data_folder, gateway_url


@click.command()
@click.argument("media")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 100), help="At most so many.")
@gateway_url
@data_folder
@as_json
def similar(media: str, k: int, gateway: str | None, data: Path, as_json: bool) -> None:
    """List media that look like this one, best first. It needs the operation embed, here and there."""
    from urllib.parse import quote

    from infra.cli.client import Client
    from infra.cli.tables import show
    from infra.cli.where import find_gateway

    client = Client(find_gateway(gateway, data))
    found = client.get(f"/media/{quote(media, safe='')}/similar?k={k}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    rows = [(f"{one['score']:.3f}", one["media_id"], client.get(f"/media/{one['media_id']}")["filename"]) for one in found["items"]]
    show(("score", "media", "file"), rows, empty="nothing else has a vector yet; `darkroom submit FILES… --op embed` makes some")
