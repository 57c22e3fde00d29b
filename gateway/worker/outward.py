"""One POST to an address that a stranger named: resolved, checked, connected to what was checked, and over by a deadline.

The connection goes to the very address that was judged, so that a name cannot be resolved to another in between. Redirects are answers
like any other. Proxies of the environment are not used: they would resolve the name anew.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from urllib.parse import SplitResult

from gateway.domain.callbacks import Network, NotAllowed, callback_parts, permitted

CONNECT_S = 5.0
DEADLINE_S = 15.0
"""For a whole try once its name is resolved, whatever the receiver does."""
MAX_ANSWER_BYTES = 64 * 1024
"""Of the answer's body at most so much is read, and thrown away: some receivers would rather not have their connection cut."""

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is looked at of an answer. `retry_after`: the header, as it came."""

    status: int
    retry_after: str | None = None


class Undelivered(Exception):
    """There was no answer. The text says why, in words that tell the job's owner nothing about the network here."""


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system's resolver orders them.

    Raises:
        OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allowed: Sequence[Network] = (),
    deadline_s: float = DEADLINE_S,
    resolver: Resolve = resolve,
) -> Answer:
    """Posts a body, once.

    Args:
        allowed: networks that are allowed though they are not public.
        deadline_s: from the first connection to the answer's end.

    Raises:
        Undelivered.
    """
    try:
        parts = callback_parts(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        addresses = [one for one in resolver(host, port) if permitted(ip_address(one), allowed)]
    except (OSError, UnicodeError) as exc:
        raise Undelivered("Its host cannot be resolved.") from exc
    except (NotAllowed, ValueError) as exc:
        raise Undelivered(str(exc)) from exc
    if not addresses:
        raise Undelivered("Its host has no address of the public internet.")
    return _send(parts, addresses, port, headers, body, deadline_s)


def _send(parts: SplitResult, addresses: Sequence[str], port: int, headers: Mapping[str, str], body: bytes, deadline_s: float) -> Answer:
    late = threading.Event()
    raw = _connect(addresses, port)
    line = raw.dup()  # TLS takes `raw` over

    def cut() -> None:
        late.set()
        with suppress(OSError):  # it may have ended by itself
            line.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(deadline_s, cut)
    watchdog.daemon = True
    watchdog.start()
    connection = HTTPConnection(parts.hostname or "", port)
    try:
        raw.settimeout(deadline_s)
        connection.sock = _secured(raw, parts.hostname or "") if parts.scheme == "https" else raw
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers={"Host": parts.netloc, **headers, "Connection": "close"})
        answer = connection.getresponse()
        with suppress(OSError, HTTPException, ValueError):  # its status is its answer, whatever comes of the rest
            answer.read(MAX_ANSWER_BYTES)
    except (OSError, HTTPException, ValueError) as exc:
        if late.is_set() or isinstance(exc, TimeoutError):
            raise Undelivered("It did not answer in time.") from exc
        tls = isinstance(exc, ssl.SSLError)
        raise Undelivered("Its TLS or its certificate is not good." if tls else "It closed the connection, or spoke no HTTP.") from exc
    else:
        return Answer(status=answer.status, retry_after=answer.getheader("Retry-After"))
    finally:
        watchdog.cancel()
        connection.close()
        raw.close()
        line.close()


def _connect(addresses: Sequence[str], port: int) -> socket.socket:
    for address in addresses[:2]:
        try:
            return socket.create_connection((address, port), timeout=CONNECT_S)
        except OSError as exc:
            failure = exc
    raise Undelivered("It cannot be connected to.") from failure


def _secured(raw: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(raw, server_hostname=host)
