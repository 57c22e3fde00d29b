"""Wiring: settings to database and store, once a process. The only place in the gateway where anything is opened."""

import logging
from dataclasses import dataclass

from gateway.settings import Settings
from gateway.store.database import Database
from infra.objects.open import open_objects
from infra.objects.port import Objects
from infra.telemetry.log import log_in_json
from infra.telemetry.tracing import serve_as


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


def log_and_trace(service: str) -> None:
    """What each of the gateway's processes does first: log lines in JSON, and its name in traces."""
    log_in_json()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    serve_as(service)
