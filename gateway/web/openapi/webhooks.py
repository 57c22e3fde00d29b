"""Webhooks in people's hands, described. What a receiver gets is in `jobs`."""

from gateway.domain.webhooks import WebhookState
from gateway.web.openapi import examples
from gateway.web.openapi.parts import PAGE, Call, Described, document_answer, query

ROUTES = {
    "webhooks.list_webhooks": Described(
        summary="List webhooks",
        description="One for each end of a job with a `callback_url`. A settled one is remembered for 30 days.",
        query=(query("state", "only those in this state", type="string", enum=[str(one) for one in WebhookState]), *PAGE),
        refusals=(422,),
        answers={200: document_answer(examples.WEBHOOK_LIST, "Newest first.")},
        call=Call(query="?state=given_up&limit=10"),
    ),
    "webhooks.post_webhook_redrive": Described(
        summary="Redrive a webhook",
        description="One that was given up on or refused gets all its tries anew, under the same id; one that waits is sent at once.",
        idempotent=True,
        answers={202: document_answer(examples.REDRIVEN_WEBHOOK, "It is sent again.")},
        refusals=(409,),
    ),
}
