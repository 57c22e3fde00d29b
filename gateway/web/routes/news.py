"""What is new with a tenant, live."""

from flask import Blueprint, Response

from gateway.domain.access import Scope
from gateway.web.auth import while_allowed
from gateway.web.context import the_live, the_principal

news = Blueprint("news", __name__)


@news.get("/events")
def get_events() -> Response:
    """Server-sent events: `hello`, then `job`, `media`, `deleted`, and, where the caller may read them, `stats`."""
    principal = the_principal()
    stream = the_live().follow(principal.tenant, with_stats=Scope.ADMIN in principal.scopes)
    return Response(while_allowed(stream), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
