"""gunicorn's settings for the public listener: event-driven, so that a slow client holds nobody up. The bind address is the caller's."""

import os
from typing import Any

from gateway.metrics.gunicorn import child_exit, count_together, on_exit

__all__ = ["child_exit", "on_exit"]

count_together()

worker_class = "gateway.web.listener.Worker"
workers = 1
worker_connections = 1000
timeout = 60
graceful_timeout = 30
keepalive = 75
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190


def post_worker_init(worker: Any) -> None:
    """Live streams end with their worker, so that none holds up its end. Beyond the loopback keys are asked for, whatever the setting."""
    worker.wsgi.extensions["darkroom.live"].running = lambda: worker.alive
    from gateway.web.auth import demand_keys_beyond_loopback  # not before gevent has had its way with the standard library

    demand_keys_beyond_loopback(worker.wsgi, [listener.getsockname() for listener in worker.sockets])


def when_ready(_server: Any) -> None:
    """/metrics on a port of its own, from the master: never on the public listener, and for all workers together."""
    if port := os.environ.get("METRICS_PORT"):
        from gateway.metrics.served import serve

        serve(os.environ.get("HOST", "127.0.0.1"), int(port))
