"""The functions' logger: one JSON object a line on standard error, as everywhere in this house."""

import logging

from infra.telemetry.log import JsonLines

LOG = logging.getLogger("darkroom.functions")


def configure() -> None:
    """Sends our log to standard error, once a process. The framework's own stays as it is."""
    if not LOG.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        LOG.addHandler(handler)
        LOG.setLevel(logging.INFO)
        LOG.propagate = False
