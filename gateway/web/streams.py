"""A live stream as an answer to the caller, for as long as the caller's key is good."""

import time
from collections.abc import Iterator
from contextlib import closing

from flask import Response

from gateway.service import keys
from gateway.store.database import Database
from gateway.web.context import the_gateway, the_principal

ASK_AGAIN_S = 5.0


def answer_live(stream: Iterator[str]) -> Response:
    """Server-sent events. The stream ends once its caller's key is revoked: seen with the next piece, a keep-alive at the latest."""
    key_id = the_principal().key_id
    pieces = _until_revoked(stream, key_id, the_gateway().database) if key_id is not None else stream
    return Response(pieces, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _until_revoked(stream: Iterator[str], key_id: str, database: Database) -> Iterator[str]:
    asked_s = time.monotonic()
    with closing(stream) as pieces:  # type: ignore[type-var]  # each is a generator
        for piece in pieces:
            if time.monotonic() - asked_s >= ASK_AGAIN_S:
                with database.transaction() as session:
                    if keys.revoked(session, key_id):
                        return
                asked_s = time.monotonic()
            yield piece
