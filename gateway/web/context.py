"""What every public route works with: the caller, the gateway, its presigner, its bounds, and how a document becomes an answer."""

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, g
from flask import json as flask_json
from pydantic import BaseModel

from gateway.bootstrap import Gateway
from gateway.domain.access import Principal
from gateway.service.queries import Presigner
from gateway.web.live import Live
from gateway.web.pressure import Pressure


def the_principal() -> Principal:
    """Who asks. Open routes have none."""
    principal: Principal = g.principal
    return principal


def the_tenant() -> str:
    """Whose rows this request may see and make."""
    return the_principal().tenant


def the_gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["darkroom"]
    return gateway


def the_pressure() -> Pressure:
    pressure: Pressure = current_app.extensions["darkroom.pressure"]
    return pressure


def the_live() -> Live:
    live: Live = current_app.extensions["darkroom.live"]
    return live


def the_presigner() -> Presigner:
    presigner: Presigner = current_app.extensions["darkroom.presigner"]
    return presigner


def answer(document: BaseModel | Mapping[str, Any], status: int = 200, location: str | None = None) -> Response:
    """A document as JSON."""
    body = document.model_dump(mode="json", by_alias=True) if isinstance(document, BaseModel) else document
    response = Response(flask_json.dumps(body), status, content_type="application/json")
    if location is not None:
        response.headers["Location"] = location
    return response
