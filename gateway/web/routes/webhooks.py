"""What callbacks are owed: listed, and redriven."""

from flask import Blueprint, Response, request

from gateway.domain.webhooks import WebhookState
from gateway.service import redelivery
from gateway.web import bodies
from gateway.web.context import answer, the_gateway, the_tenant
from gateway.web.idempotency import idempotent

webhooks = Blueprint("webhooks", __name__)


@webhooks.get("/webhooks")
def list_webhooks() -> Response:
    page, state = bodies.read_page(request), bodies.read_choice(request, "state", WebhookState)
    with the_gateway().database.transaction() as session:
        return answer(redelivery.list_webhooks(session, the_tenant(), page, state=state))


@webhooks.post("/webhooks/<webhook_id>/redrive")
@idempotent()
def post_webhook_redrive(webhook_id: str) -> Response:
    gateway = the_gateway()
    with gateway.database.transaction() as session:
        return answer(redelivery.redrive(session, the_tenant(), webhook_id, gateway.settings), 202)
