"""Webhooks in people's hands: listed, and redriven. How they come to be and are sent is `webhooks`' business."""

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from gateway import documents
from gateway.domain.webhooks import Again, WebhookState, again
from gateway.service.errors import Conflict, NotFound
from gateway.service.queries import Page, callback_fields, read_page
from gateway.service.webhooks import IN_HAND_S
from gateway.settings import Settings
from gateway.store.tables import NOW, WebhookRow, after
from schemas.times import rfc3339


def list_webhooks(session: Session, tenant: str, page: Page, *, state: str | None = None) -> documents.WebhookList:
    """Newest first."""
    query = select(WebhookRow).where(WebhookRow.tenant == tenant)
    if state is not None:
        query = query.where(WebhookRow.state == state)
    rows, cursor = read_page(session, query, WebhookRow, page)
    return documents.WebhookList(webhooks=[_document(row) for row in rows], next_cursor=cursor)


def redrive(session: Session, tenant: str, webhook_id: str, settings: Settings) -> documents.WebhookDocument:
    """Has a webhook sent again: one that was settled with all its tries anew, one that waits at once. Its id and its word stay.

    Raises:
        NotFound.
        Conflict: it was delivered, or this gateway sends none.
    """
    row = session.get(WebhookRow, webhook_id, with_for_update=True, populate_existing=True)
    if row is None or row.tenant != tenant:
        raise NotFound("webhook", webhook_id)
    if settings.webhook_key is None:
        raise Conflict("This gateway sends no webhooks: its WEBHOOK_SIGNING_KEY is not set.")
    match again(WebhookState(row.state)):
        case Again.REFUSE:
            raise Conflict("It was delivered: the receiver answered 2xx.")
        case Again.RENEW:
            row.state, row.tries, row.settled_at = WebhookState.PENDING, 0, None
            row.due_at = NOW
        case Again.HURRY:  # what a worker has in hand is due again within IN_HAND_S, and stays in that one hand
            row.due_at = case((WebhookRow.due_at > after(IN_HAND_S), func.now()), else_=WebhookRow.due_at)
    row.redriven_at = NOW
    session.flush()
    session.refresh(row)
    return _document(row)


def _document(row: WebhookRow) -> documents.WebhookDocument:
    return documents.WebhookDocument(
        **callback_fields(row), job_id=row.job_id, event_type=row.event_type, callback_url=row.url, ended_at=rfc3339(row.ended_at)
    )
