"""`darkroom jobs`."""

import json
from pathlib import Path

import click

from infra.cli.options import as_json, data_folder, gateway_url

STATES = ("queued", "running", "done", "failed", "cancelled")
PAGE = 200


@click.command()
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--media", "media_id", metavar="MEDIA", help="Only those of this media.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@gateway_url
@data_folder
@as_json
def jobs(state: str | None, media_id: str | None, limit: int, gateway: str | None, data: Path, as_json: bool) -> None:
    """List jobs, newest first."""
    from urllib.parse import urlencode

    from infra.cli.client import Client
    from infra.cli.documents import task_labels
    from infra.cli.tables import show
    from infra.cli.where import find_gateway

    client = Client(find_gateway(gateway, data))
    found: list[dict[str, object]] = []
    cursor = None
    while len(found) < limit:
        asked = {"state": state, "media_id": media_id, "cursor": cursor, "limit": min(PAGE, limit - len(found))}
        answer = client.get(f"/jobs?{urlencode({name: value for name, value in asked.items() if value is not None})}")
        found += answer["jobs"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    if as_json:
        print(json.dumps({"jobs": found, "next_cursor": cursor}, indent=2))
        return
    rows = [(job["job_id"], job["state"], str(job["created_at"])[:19] + "Z", ", ".join(task_labels(job["tasks"]))) for job in found]  # type: ignore[arg-type]
    show(("job", "state", "created", "operations"), rows, empty="no such jobs; `darkroom submit FILES…` makes some")
