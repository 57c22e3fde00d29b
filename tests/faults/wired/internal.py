"""The internal listener with failpoints: what gunicorn loads in place of gateway.internal.wsgi."""

import tests.faults.wired.gateway  # noqa: F401 - first: it patches
from gateway.internal.wsgi import app

__all__ = ["app"]
