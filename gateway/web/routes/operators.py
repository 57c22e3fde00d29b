"""For whoever runs the house: counts, and what nobody could take."""

from flask import Blueprint, Response, request

from gateway import documents
from gateway.bootstrap import Gateway
from gateway.service import letters, stats
from gateway.web import bodies
from gateway.web.context import answer, the_gateway, the_tenant
from gateway.web.idempotency import idempotent

operators = Blueprint("operators", __name__)


@operators.get("/stats")
def get_stats() -> Response:
    return answer(read_stats(the_gateway(), the_tenant()))


def read_stats(gateway: Gateway, tenant: str) -> documents.StatsDocument:
    """A tenant's statistics, as of now."""
    settings = gateway.settings
    functions = stats.functions(settings.autoscaler_metrics_url, settings.scale_bounds, settings.serving_namespace)
    with gateway.database.transaction() as session:
        return stats.stats(session, tenant, functions)


@operators.get("/dead-letters")
def list_dead_letters() -> Response:
    with the_gateway().database.transaction() as session:
        return answer(letters.list_letters(session, the_tenant(), bodies.read_page(request)))


@operators.post("/dead-letters/<letter_id>/redrive")
@idempotent()
def post_redrive(letter_id: str) -> Response:
    gateway = the_gateway()
    return answer(letters.redrive(gateway.database, gateway.objects, the_tenant(), letter_id, gateway.settings), 202)
