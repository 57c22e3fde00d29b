"""`darkroom reconcile`."""

import json
from pathlib import Path

import click

from infra.cli.options import as_json, data_folder


@click.command()
@data_folder
@as_json
def reconcile(data: Path, as_json: bool) -> None:
    """Hold the buckets against the ledger once, heal what was lost, and say what was found and done.

    The gateway's worker does the same every minute; this is for whoever does not want to wait, or runs no worker. It opens database and
    store itself: those of the environment (DATABASE_URL, OBJECT_STORE_URL, ATTEMPT_TOKEN_KEY), else those of the data folder.
    """
    from gateway.service.reconciler import reconcile as run
    from gateway.store.database import DatabaseUnavailable
    from infra.cli.errors import GatewayUnreachable
    from infra.cli.ledger import open_ledger
    from infra.cli.tables import show
    from infra.objects.port import ObjectStoreError

    try:
        ledger = open_ledger(data)
        found = run(ledger.database, ledger.objects, ledger.settings).found
    except (DatabaseUnavailable, ObjectStoreError) as exc:
        raise GatewayUnreachable(f"what was done so far stays done, but {type(exc).__name__}: {exc}") from exc
    if as_json:
        print(json.dumps({"found": dict(found)}, indent=2))
        return
    show(("count", "what"), [(count, what) for what, count in sorted(found.items())], empty="nothing was lost, nothing is left over")
