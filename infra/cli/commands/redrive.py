"""`darkroom redrive`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from infra.cli.options import as_json, data_folder, gateway_url

CLASSES = ("bad-input", "unsupported", "limit", "tool", "timeout", "infra", "cancelled")


@click.command()
@click.option("--since", "since_text", metavar="TIME", help="Only those received since: 90s, 15m, 2h, 3d ago, or an RFC 3339 time.")
@click.option("--class", "failure", type=click.Choice(CLASSES), help="Only those whose attempt ended in this class.")
@gateway_url
@data_folder
@as_json
def redrive(since_text: str | None, failure: str | None, gateway: str | None, data: Path, as_json: bool) -> None:
    """Try dead letters again that were not redriven yet, oldest first: each a new attempt with a new id.

    One whose task is done or cancelled by now is left as it is, and said.
    """
    from infra.cli import letters
    from infra.cli.client import Client
    from infra.cli.documents import plain
    from infra.cli.since import since
    from infra.cli.where import find_gateway

    try:
        earliest = since(since_text, datetime.now(UTC)) if since_text is not None else None
    except ValueError as exc:
        raise click.BadParameter("15m, 2h, 3d, or a time such as 2026-01-31T12:00:00Z", param_hint="--since") from exc
    client = Client(find_gateway(gateway, data))
    redriven: list[str] = []
    left: dict[str, str] = {}
    for letter in letters.chosen(client, since=earliest, failure=failure):
        why_not = letters.redrive(client, letter)
        if why_not is None:
            redriven.append(letter["id"])
        else:
            left[letter["id"]] = why_not
        if not as_json:
            said = (letter["id"], letter["operation"] or letter["event_type"], why_not or "redriven")
            print("\t".join(map(plain, said)), flush=True)  # one after the other, each when it is done
    if as_json:
        print(json.dumps({"redriven": redriven, "left": left}, indent=2))
    else:
        print(f"{len(redriven)} redriven, {len(left)} left as they are")
