"""gunicorn's gevent worker with a clock on every client: for its headers, for each piece of its body, for how fast those come, and for
what it lets us send.

Left as it is, the worker waits for half a header as long as for an idle connection, and for half a body for ever. The limits are the
settings `header_deadline_s`, `body_silence_s`, `body_grace_s` and `body_bytes_per_s`. What gunicorn itself refuses is said as a problem
document, too. How many connections there may be is gunicorn's `worker_connections`.
"""

import json
import time
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.workers import base_async, ggevent
from werkzeug.exceptions import RequestTimeout

from gateway.settings import Settings

_MAX_LEFTOVER_BYTES = 1 << 20


class Phase(Enum):
    """What a client owes us."""

    HEADERS = auto()
    BODY = auto()
    LEFTOVERS = auto()  # of a body that was answered before its end
    NOTHING = auto()  # until it begins another request


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a client is waited for.

    Attributes:
        header_s: for all of a request's headers.
        silence_s: between two pieces of a body.
        grace_s: for a body, however slow.
        bytes_per_s: what a body has to bring from then on, on the average.
        idle_s: from one request to the next.
    """

    header_s: float
    silence_s: float
    grace_s: float
    bytes_per_s: float
    idle_s: float


class PatientSocket:
    """A client's socket whose every wait ends. All else is the socket's own."""

    def __init__(self, client: Any, patience: Patience) -> None:
        self._client, self._patience = client, patience
        client.settimeout(patience.silence_s)
        self.expect(Phase.HEADERS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def expect(self, phase: Phase) -> None:
        """From now on this is what comes. All but a body has one deadline for the whole."""
        self._phase = phase
        self._ends_at = time.monotonic() + (self._patience.idle_s if phase is Phase.NOTHING else self._patience.header_s)
        self._came_bytes, self._waited_s = 0, 0.0

    def recv(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            RequestTimeout: a body fell silent, or comes too slowly.
            NoMoreData: what was expected did not come in time; if it was headers, the client was told.
        """
        if self._phase is Phase.BODY:
            return self._recv_body(size)
        try:
            data = self._recv_within(self._ends_at - time.monotonic(), size)
        except TimeoutError as exc:
            if self._phase is Phase.HEADERS:
                _tell(self._client, HTTPStatus.REQUEST_TIMEOUT, "The request's headers did not come in time.")
            raise NoMoreData from exc
        if self._phase is Phase.NOTHING:
            self.expect(Phase.HEADERS)
        return data

    def _recv_body(self, size: int) -> bytes:
        """Counts the time that the client takes, not what we do with its bytes: a slow store is not its fault."""
        patience = self._patience
        left_s = max(patience.grace_s, self._came_bytes / patience.bytes_per_s) - self._waited_s
        began = time.monotonic()
        try:
            data = self._recv_within(min(patience.silence_s, left_s), size)
        except TimeoutError as exc:
            if left_s < patience.silence_s:
                raise RequestTimeout(f"The body comes at less than {patience.bytes_per_s:g} bytes a second.") from exc
            raise RequestTimeout(f"Nothing of the body came for {patience.silence_s:g} seconds.") from exc
        self._waited_s += time.monotonic() - began
        self._came_bytes += len(data)
        return data

    def _recv_within(self, wait_s: float, size: int) -> bytes:
        self._client.settimeout(max(0.001, wait_s))
        try:
            data: bytes = self._client.recv(size)
            return data
        finally:
            self._client.settimeout(self._patience.silence_s)


class Worker(ggevent.GeventWorker):  # type: ignore[misc] # gunicorn has no types
    """What `gateway.web.gunicorn` names as worker_class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        patience = Patience(
            header_s=self._settings.header_deadline_s,
            silence_s=self._settings.body_silence_s,
            grace_s=self._settings.body_grace_s,
            bytes_per_s=self._settings.body_bytes_per_s,
            idle_s=self.cfg.keepalive,
        )
        patient = PatientSocket(client, patience)
        base_async.AsyncWorker.handle(self, listener, patient, addr)  # gevent's own would set the socket to wait for ever

    def handle_request(self, listener_name: Any, req: Any, sock: PatientSocket, addr: Any) -> None:
        sock.expect(Phase.BODY)
        super().handle_request(listener_name, req, sock, addr)
        sock.expect(Phase.LEFTOVERS)
        if not _read_out(req.body):
            raise StopIteration  # gunicorn's word for: close it
        sock.expect(Phase.NOTHING)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        super().handle_error(req, _Retold(client), addr, exc)


def _read_out(body: Any) -> bool:
    """Reads what is left of a body that nobody wanted, a little of it: hanging up on bytes unread could take our answer back."""
    left = _MAX_LEFTOVER_BYTES
    try:
        while left > 0 and (piece := body.read(min(left, 65536))):
            left -= len(piece)
    except (NoMoreData, OSError, ParseException):
        return False
    return left > 0


class _Retold:
    """Takes the HTML page that gunicorn answers its own refusals with, and sends its status as a problem document."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        status = HTTPStatus(int(page.split(b" ", 2)[1]))
        ours = "Something went wrong on our side; it has been logged."
        _tell(self._client, status, ours if status is HTTPStatus.INTERNAL_SERVER_ERROR else "The request is not HTTP as it is taken here.")


def _tell(client: Any, status: HTTPStatus, detail: str) -> None:
    """The last words on a connection."""
    body = json.dumps({"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, "errors": []}).encode()
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(client, head.encode() + body)
