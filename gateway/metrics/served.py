"""The text that a scrape gets, and a listener for processes that have no other.

Imports nothing of ours: gunicorn's master serves it, and its workers are forked before gevent has had its way with the standard library.
"""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(*more: Collector) -> bytes:
    """What was counted, and what each of `more` finds now."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        counted = generate_latest(registry)
    else:
        counted = generate_latest(REGISTRY)
    found = CollectorRegistry()
    for collector in more:
        found.register(collector)
    return counted + generate_latest(found)


def serve(host: str, port: int) -> None:
    """GET /metrics in a thread of its own, for a process that serves nothing else there.

    Raises:
        OSError: the port is taken.
    """

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/metrics"
            body = exposition() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not news."""

    server = ThreadingHTTPServer((host, port), Page)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
