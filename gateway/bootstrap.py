"""Wiring: settings to database and store, once a process. The only place in the gateway where anything is opened."""

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.settings import Settings
from gateway.store.database import Database
from infra.objects.open import open_objects
from infra.objects.port import Objects


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """What every part of the gateway works with."""

    settings: Settings
    database: Database
    objects: Objects


def bootstrap(settings: Settings | None = None) -> Gateway:
    """Opens what the settings name."""
    settings = settings or Settings()
    return Gateway(
        settings=settings,
        database=Database(settings.database_url.get_secret_value()),
        objects=open_objects(settings.object_store_url.get_secret_value(), public_url=settings.object_store_public_url),
    )


class JsonLines(logging.Formatter):
    """One JSON object a line: time, severity, logger, message, and whatever `extra` named."""

    STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in self.STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_in_json(level: int = logging.INFO) -> None:
    """Every log line of this process goes to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
