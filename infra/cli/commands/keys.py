"""`darkroom keys`: API keys made, listed and revoked.

It opens the ledger itself, as `darkroom reconcile` does: whoever may reach the database may make keys, and no call of the API can.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.cli.options import as_json, data_folder

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateway.store.tables import ApiKeyRow

SCOPES = ("read", "write", "admin")


@click.group()
def keys() -> None:
    """Make, list and revoke API keys: clients send one as `Authorization: Bearer dk_…`, this command that of DARKROOM_API_KEY."""


@keys.command()
@click.option("--tenant", default="default", show_default=True, help="Whom it speaks for; a name never used before is a new tenant.")
@click.option("--name", required=True, help="For people: who has it, or what for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be repeated; none implies another. [read, write]")
@data_folder
@as_json
def create(tenant: str, name: str, scopes: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Make a key and show it, this once: only its sha256 is kept."""
    from gateway.domain.access import Scope
    from gateway.service import keys as service

    with _ledger(data) as session:
        row, text = service.create(session, tenant=tenant, name=name, scopes=[Scope(one) for one in scopes or ("read", "write")])
    if as_json:
        print(json.dumps({**_document(row), "key": text}, indent=2))
        return
    print(text)
    click.echo(f"key {row.id} of tenant {row.tenant}, {', '.join(row.scopes)}; it is shown this once, keep it now", err=True)


@keys.command(name="list")
@data_folder
@as_json
def list_(data: Path, as_json: bool) -> None:
    """All keys of all tenants, revoked ones too."""
    from gateway.service import keys as service
    from infra.cli.tables import show

    with _ledger(data) as session:
        documents = [_document(row) for row in service.list_keys(session)]
    if as_json:
        print(json.dumps({"keys": documents}, indent=2))
        return
    rows = [
        (
            one["key_id"],
            one["tenant"],
            "+".join(one["scopes"]),
            f"revoked {one['revoked_at']}" if one["revoked_at"] else f"last used {one['last_used_at'] or 'never'}",
            one["name"],
        )
        for one in documents
    ]
    show(("key", "tenant", "scopes", "state", "name"), rows, empty="there are no keys; `darkroom keys create --name NAME` makes one")


@keys.command()
@click.argument("key_id")
@data_folder
@as_json
def revoke(key_id: str, data: Path, as_json: bool) -> None:
    """End a key for good, by its id (characters 4 to 15 of its text), and the browsers signed in with it."""
    from gateway.service import keys as service

    with _ledger(data) as session:
        document = _document(service.revoke(session, key_id))
    print(json.dumps(document, indent=2) if as_json else f"key {key_id} of tenant {document['tenant']} is revoked")


@contextmanager
def _ledger(data: Path) -> "Iterator[Session]":
    from gateway.service import errors
    from gateway.store.database import DatabaseUnavailable
    from infra.cli.errors import GatewayUnreachable, Refused
    from infra.cli.ledger import open_ledger

    database = open_ledger(data).database
    try:
        with database.transaction() as session:
            yield session
    except errors.Refused as exc:
        raise Refused(str(exc).rstrip(".")) from exc
    except DatabaseUnavailable as exc:
        raise GatewayUnreachable(f"the database does not answer: {str(exc).splitlines()[0][:200]}") from exc
    finally:
        database.engine.dispose()


def _document(row: "ApiKeyRow") -> dict[str, Any]:
    from gateway.service.queries import maybe_rfc3339

    return {
        "key_id": row.id,
        "tenant": row.tenant,
        "name": row.name,
        "scopes": row.scopes,
        "created_at": maybe_rfc3339(row.created_at),
        "revoked_at": maybe_rfc3339(row.revoked_at),
        "last_used_at": maybe_rfc3339(row.last_used_at),
    }
