"""gunicorn's gevent worker with a clock on every client: for its headers, for each piece of its body, and for what it lets us send.

Left as it is, the worker waits for half a header as long as for an idle connection, and for half a body for ever. The limits are the
settings `header_deadline_s` and `body_silence_s`. What gunicorn itself refuses is said as a problem document, too. How many connections
there may be is gunicorn's `worker_connections`.
"""

import json
import time
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


class PatientSocket:
    """A client's socket whose every wait ends. All else is the socket's own."""

    def __init__(self, client: Any, *, header_s: float, silence_s: float, idle_s: float) -> None:
        """Args in seconds: for all of a request's headers, between two pieces of a body, from one request to the next."""
        self._client, self._header_s, self._silence_s, self._idle_s = client, header_s, silence_s, idle_s
        client.settimeout(silence_s)
        self.expect(Phase.HEADERS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def expect(self, phase: Phase) -> None:
        """From now on this is what comes. All but a body has one deadline for the whole."""
        self._phase = phase
        self._ends_at = time.monotonic() + (self._idle_s if phase is Phase.NOTHING else self._header_s)

    def recv(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            RequestTimeout: a body fell silent.
            NoMoreData: what was expected did not come in time; if it was headers, the client was told.
        """
        wait_s = self._silence_s if self._phase is Phase.BODY else max(0.001, self._ends_at - time.monotonic())
        try:
            self._client.settimeout(wait_s)
            data: bytes = self._client.recv(size)
        except TimeoutError as exc:
            if self._phase is Phase.BODY:
                raise RequestTimeout(f"Nothing of the body came for {self._silence_s:g} seconds.") from exc
            if self._phase is Phase.HEADERS:
                _tell(self._client, HTTPStatus.REQUEST_TIMEOUT, "The request's headers did not come in time.")
            raise NoMoreData from exc
        finally:
            self._client.settimeout(self._silence_s)
        if self._phase is Phase.NOTHING:
            self.expect(Phase.HEADERS)
        return data


class Worker(ggevent.GeventWorker):  # type: ignore[misc] # gunicorn has no types
    """What `gateway.web.gunicorn` names as worker_class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        patient = PatientSocket(
            client,
            header_s=self._settings.header_deadline_s,
            silence_s=self._settings.body_silence_s,
            idle_s=self.cfg.keepalive,
        )
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
