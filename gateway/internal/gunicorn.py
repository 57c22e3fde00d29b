"""gunicorn's settings for the internal listener. Bind address, workers and threads are the manifest's."""

from gateway.metrics.gunicorn import child_exit, count_together, on_exit

__all__ = ["child_exit", "on_exit"]

count_together()
