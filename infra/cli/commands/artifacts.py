"""`darkroom artifacts`."""

import json
import sys
from pathlib import Path

import click

from infra.cli.errors import WORK_FAILED, WorkFailed
from infra.cli.options import as_json, data_folder, gateway_url


@click.command()
@click.argument("media")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Download them there, each checked by its sha256.")
@gateway_url
@data_folder
@as_json
def artifacts(media: str, folder: Path | None, gateway: str | None, data: Path, as_json: bool) -> None:
    """List the artifacts of a media, or download them."""
    from urllib.parse import quote

    from infra.cli.client import Client
    from infra.cli.documents import artifact_names, artifact_size
    from infra.cli.downloads import download
    from infra.cli.tables import show
    from infra.cli.where import find_gateway

    client = Client(find_gateway(gateway, data))
    where = f"/media/{quote(media, safe='')}"
    found = client.get(f"{where}/artifacts")["artifacts"]
    names = artifact_names(found, stem=Path(client.get(where)["filename"]).stem)
    files: list[str | None] = [None] * len(found)
    failed = False
    if folder is not None:
        for n, (artifact, name) in enumerate(zip(found, names, strict=True)):
            try:
                files[n] = str(download(client, artifact, folder, name))
            except WorkFailed as exc:
                print(f"darkroom: {exc}", file=sys.stderr)
                failed = True
    if as_json:
        print(json.dumps({"artifacts": [{**artifact, "file": file} for artifact, file in zip(found, files, strict=True)]}, indent=2))
    else:
        rows = [
            (file or name, artifact["content_type"], artifact_size(artifact), artifact["bytes"])
            for artifact, name, file in zip(found, names, files, strict=True)
            if file is not None or folder is None
        ]
        show(("artifact", "type", "size", "bytes"), rows, empty="no artifacts; `darkroom jobs --media MEDIA` says what is under way")
    if failed:
        sys.exit(WORK_FAILED)
