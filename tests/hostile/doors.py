"""Clients of the public listener that do not behave: bytes on a socket, and what came back by when."""

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Said:
    """All that a server said until it hung up. `status` is None where it said nothing."""

    status: int | None
    headers: str
    body: bytes
    seconds: float

    @property
    def problem(self) -> Any:
        assert "application/problem+json" in self.headers, self.headers
        return json.loads(self.body)


@contextmanager
def sockets(gateway: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections to the gateway."""
    parts = urlsplit(gateway)
    opened = [socket.create_connection((parts.hostname, parts.port), timeout=30) for _ in range(count)]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()


def until_closed(client: socket.socket, began: float, patience_s: float) -> Said:
    """What comes until the server closes the connection; fails if it does not within `patience_s` of `began`."""
    received = b""
    while True:
        client.settimeout(max(0.01, began + patience_s - time.monotonic()))
        try:
            chunk = client.recv(65536)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            break
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head else None
    return Said(status=status, headers=head.decode("latin-1"), body=body, seconds=time.monotonic() - began)


def exchange(gateway: str, request: bytes | Iterable[bytes], patience_s: float = 20) -> Said:
    """One connection: the bytes, then the answer until it is closed (the request should ask for that). A server may hang up early."""
    with sockets(gateway, 1) as (client,):
        began = time.monotonic()
        try:
            for piece in [request] if isinstance(request, bytes) else request:
                client.sendall(piece)
        except OSError:
            pass
        return until_closed(client, began, patience_s)
