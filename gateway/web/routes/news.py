"""What is new with a tenant, live."""

from flask import Blueprint, Response

from gateway.domain.access import Scope
from gateway.web.context import the_live, the_principal
from gateway.web.streams import answer_live

news = Blueprint("news", __name__)


@news.get("/events")
def get_events() -> Response:
    """Server-sent events: `hello`, then `job`, `media`, `deleted`, and, where the caller may read them, `stats`."""
    principal = the_principal()
    return answer_live(the_live().follow(principal.tenant, with_stats=Scope.ADMIN in principal.scopes))
