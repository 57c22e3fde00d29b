"""`darkroom webhook-secret`."""

import json
import os
from pathlib import Path

import click

from infra.cli.options import as_json, data_folder

DEFAULT_TENANT = "default"


@click.command("webhook-secret")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="whose")
@data_folder
@as_json
def webhook_secret(tenant: str, data: Path, as_json: bool) -> None:
    """Print the secret that a tenant's receivers check the signatures of webhooks with.

    It is made of WEBHOOK_SIGNING_KEY: the environment's, else the one that `darkroom up` keeps in the data folder.
    """
    from gateway.domain.webhooks import tenant_secret
    from infra.cli.errors import GatewayUnreachable

    try:
        key = os.environ.get("WEBHOOK_SIGNING_KEY") or json.loads((data / "secrets.json").read_text())["WEBHOOK_SIGNING_KEY"]
    except (OSError, LookupError, json.JSONDecodeError) as exc:
        raise GatewayUnreachable(f"{data} has no key for webhooks; start `darkroom up` on it once, or set WEBHOOK_SIGNING_KEY") from exc
    secret = tenant_secret(key.encode(), tenant)
    print(json.dumps({"tenant": tenant, "secret": secret}) if as_json else secret)
