"""Logs for machines: one JSON object a line on standard error, by the standard library."""

import json
import logging
import time
from typing import Any

LOG = logging.getLogger("darkroom.functions")


class JsonLines(logging.Formatter):
    """A record as one line; `extra={"fields": {…}}` goes in as it is."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "severity": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure() -> None:
    """Sends our log to standard error, once a process."""
    if not LOG.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        LOG.addHandler(handler)
        LOG.setLevel(logging.INFO)
        LOG.propagate = False
