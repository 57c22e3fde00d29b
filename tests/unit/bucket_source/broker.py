"""A broker's ingress that keeps what it is sent and answers what it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from schemas.envelope import Event, parse


class Ingress:
    """`events` in the order of arrival; `statuses` are answered one after the other, then 202. `connections` counts them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.statuses: list[int] = []
        self.connections = 0
        self.authorizations: list[str | None] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(handler) -> None:
                super().setup()
                self.connections += 1

            def do_POST(handler) -> None:
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.authorizations.append(handler.headers["Authorization"])
                status = self.statuses.pop(0) if self.statuses else 202
                if status == 202:
                    self.events.append(parse(dict(handler.headers), body))
                handler.send_response(status)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(handler, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/darkroom/default"

    @contextmanager
    def running(self) -> Iterator["Ingress"]:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
