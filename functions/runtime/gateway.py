"""The way to the gateway's internal listener: heartbeats over kept-alive connections, with short patience."""

import http.client
import json
import threading
from urllib.parse import urlsplit

from schemas.payloads import Heartbeat, HeartbeatAnswer, Verdict

_PATH = "/internal/heartbeats"
_MAX_ANSWER_BYTES = 4096
_TRY_AGAIN = frozenset({408, 429})


class GatewayUnavailable(Exception):
    """No answer, or one that says: try again later."""


class Refused(Exception):
    """The gateway does not know this token or this heartbeat, and never will."""


class Gateway:
    """A client of the heartbeat route. Safe for use by many threads; idle connections are shared."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http URL")
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/") + _PATH
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def beat(self, heartbeat: Heartbeat) -> Verdict:
        """Posts one heartbeat. Harmless to repeat, so one that fails on a connection kept from before is sent again on a new one.

        Raises:
            GatewayUnavailable: no answer in time, or 5xx.
            Refused: 4xx.
        """
        body = heartbeat.model_dump_json().encode()
        connection = self._take()
        try:
            if connection is not None:
                try:
                    status, answer = self._post(connection, body)
                except (OSError, http.client.HTTPException):
                    connection = None
            if connection is None:
                connection = self._kind(self._host, self._port, timeout=self._timeout_s)
                status, answer = self._post(connection, body)
        except (OSError, http.client.HTTPException) as exc:
            raise GatewayUnavailable(f"the gateway does not answer: {exc}") from exc
        with self._lock:
            self._idle.append(connection)
        return _verdict(status, answer)

    def _take(self) -> http.client.HTTPConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER_BYTES)
        except BaseException:
            connection.close()
            raise
        if not response.isclosed():  # more than we care to read: this connection cannot be used again
            connection.close()
        return response.status, answer


def _verdict(status: int, answer: bytes) -> Verdict:
    if status // 100 == 4 and status not in _TRY_AGAIN:
        raise Refused(f"the gateway refused the heartbeat: {status}")
    if status != 200:
        raise GatewayUnavailable(f"the gateway answered {status}")
    try:
        return HeartbeatAnswer.model_validate(json.loads(answer)).verdict
    except ValueError as exc:
        raise GatewayUnavailable("the gateway's answer is no verdict") from exc
