"""Logs for machines: one JSON object a line on standard error, by the standard library."""

import json
import logging
import sys
from datetime import UTC, datetime

from infra.telemetry.context import current_traceparent, ids, parse

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Time, severity, logger, message; the ids and the trace of the moment; whatever `extra` named."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids(),
        }
        if trace := parse(current_traceparent()):
            line |= {"trace_id": trace[0], "span_id": trace[1]}
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_in_json(level: int = logging.INFO) -> None:
    """Every log line of this process goes to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
