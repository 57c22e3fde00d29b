"""Sends what is owed to callbacks, at least once. Any number of workers: each webhook is in one worker's hand at a time, and a worker that
dies with it loses it to another."""

import logging
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from gateway.domain import webhooks as machine
from gateway.domain.callbacks import networks
from gateway.service import webhooks as service
from gateway.service.webhooks import Webhook
from gateway.settings import Settings
from gateway.store.database import Database, DatabaseUnavailable
from gateway.worker.outward import Answer, Undelivered, post
from infra.objects.port import Objects
from schemas import envelope

log = logging.getLogger(__name__)

MAX_UNDER_WAY = 32
USER_AGENT = "darkroom-webhooks"


class Webhooks:
    """Each call of `send_due` takes what is due and sends it, in threads of its own."""

    def __init__(self, database: Database, objects: Objects, settings: Settings) -> None:
        self._database, self._objects, self._settings = database, objects, settings
        self._allowed = networks(settings.callback_allowed_cidrs)
        self._pool = ThreadPoolExecutor(MAX_UNDER_WAY, thread_name_prefix="webhook")
        self._free = threading.Semaphore(MAX_UNDER_WAY)

    def send_due(self) -> None:
        """Takes as many as there are threads free.

        Raises:
            DatabaseUnavailable.
        """
        free = 0
        while free < MAX_UNDER_WAY and self._free.acquire(blocking=False):
            free += 1
        taken: list[Webhook] = []
        try:
            if free:
                with self._database.transaction() as session:
                    taken = service.take_due(session, free)
        finally:
            for _ in range(free - len(taken)):
                self._free.release()
        for webhook in taken:
            self._pool.submit(self._send, webhook)

    def _send(self, webhook: Webhook) -> None:
        status, asked_s, message = None, None, None
        about = {"webhook_id": webhook.id, "job_id": webhook.job_id}
        try:
            answer = self._post(webhook)
            status, asked_s = answer.status, machine.asked_wait_s(answer.retry_after, datetime.now(UTC))
            if not 200 <= status < 300:
                message = f"The receiver answers {status}."
        except Undelivered as exc:
            message = str(exc)
        except Exception:
            log.exception("a webhook could not be made", extra=about)
            message = "It could not be made."
        luck = random.random()  # noqa: S311  (spreads load, keeps no secret)
        fate = machine.fate(webhook.tries + 1, status, luck=luck, asked_s=asked_s)
        if message is not None:
            log.warning("a webhook was not taken", extra={**about, "tries": webhook.tries + 1, "state": fate.state, "reason": message})
        try:
            with self._database.transaction() as session:
                service.settle(session, webhook, fate, status=status, message=message)
        except DatabaseUnavailable as exc:
            log.warning("tried, but not settled: it will be sent again", extra={**about, "reason": str(exc)})
        finally:
            self._free.release()

    def _post(self, webhook: Webhook) -> Answer:
        """One try. The job's data is as it ended; URLs and signature are fresh."""
        data = service.signed_urls(webhook.event, self._objects, self._settings.presign_ttl_s)
        headers, body = envelope.to_structured(replace(webhook.event, data=data))
        secret = machine.tenant_secret(self._settings.webhook_key or b"", webhook.tenant)
        signed = machine.signed_headers(secret, webhook.id, body, datetime.now(UTC))
        return post(webhook.url, {"User-Agent": USER_AGENT, **headers, **signed}, body, allowed=self._allowed)
