"""Redriving dead letters through the REST API, oldest first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from infra.cli.client import Client
from infra.cli.errors import ApiError

PAGE = 200
CONFLICT, NOT_FOUND = 409, 404


def chosen(client: Client, *, since: datetime | None, failure: str | None) -> list[dict[str, Any]]:
    """The dead letters that were never redriven, received since then, of this class; oldest first.

    Raises:
        ApiError, GatewayUnreachable.
    """
    found = []
    for letter in _newest_first(client):
        if since is not None and datetime.fromisoformat(letter["received_at"]) < since:
            break
        if letter["redriven_at"] is None and failure in (None, letter["class"]):
            found.append(letter)
    return found[::-1]


def redrive(client: Client, letter: dict[str, Any]) -> str | None:
    """Redrives one. Returns the gateway's sentence where it has nothing left to try, else None.

    Raises:
        ApiError, GatewayUnreachable.
    """
    try:
        client.post(f"/dead-letters/{letter['id']}/redrive", {})
    except ApiError as exc:
        if exc.status not in (CONFLICT, NOT_FOUND):
            raise
        return str(exc)
    return None


def _newest_first(client: Client) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        answer = client.get(f"/dead-letters?limit={PAGE}{cursor}")
        yield from answer["dead_letters"]
        if answer["next_cursor"] is None:
            return
        cursor = f"&cursor={answer['next_cursor']}"
