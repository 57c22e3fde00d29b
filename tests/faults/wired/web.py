"""The public listener with failpoints: what gunicorn loads in place of gateway.web.wsgi."""

import tests.faults.wired.gateway  # noqa: F401 - first: it patches
from gateway.web.wsgi import app

__all__ = ["app"]
