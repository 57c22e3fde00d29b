"""`python -m gateway.worker`: relay and timers until SIGTERM."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from gateway.bootstrap import Gateway, bootstrap, log_and_trace
from gateway.metrics import measures
from gateway.metrics.served import serve
from gateway.service.admission import admit_all
from gateway.service.idempotency import forget_expired
from gateway.service.reaper import reap
from gateway.service.reconciler import reconcile, remove_doomed
from gateway.service.retention import retire
from gateway.service.webhooks import forget_settled
from gateway.store.database import DatabaseUnavailable
from gateway.worker.relay import RENEW_EVERY_S, Relay
from gateway.worker.webhooks import Webhooks
from infra.objects.port import ObjectStoreError
from infra.telemetry.tracing import flush
from schemas.catalogue import CATALOGUE

log = logging.getLogger(__name__)


def main() -> None:
    log_and_trace("darkroom-gateway-worker")
    gateway = bootstrap()
    if gateway.settings.k_sink is None:
        raise SystemExit("K_SINK is not set: the worker needs the broker's URL.")
    if gateway.settings.metrics_port is not None:
        serve(gateway.settings.host, gateway.settings.metrics_port)
    measures.begin()
    stop, wake = threading.Event(), threading.Event()

    def end(_signal: int, _frame: object) -> None:
        stop.set()
        wake.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    relay = Relay(gateway.database, gateway.settings.k_sink, gateway.settings)
    threads = [
        threading.Thread(target=gateway.database.listen, args=(wake, stop), name="listen", daemon=True),
        *(
            threading.Thread(target=every, args=(seconds, job, stop), name=job.__name__, daemon=True)
            for seconds, job in timers(gateway, relay)
        ),
    ]
    for thread in threads:
        thread.start()
    relay.run(wake, stop)
    flush()
    logging.shutdown()
    os._exit(0)  # a POST that the broker still holds may take minutes; its event is in the outbox, and will be sent again


def timers(gateway: Gateway, relay: Relay) -> list[tuple[float, Callable[[], object]]]:
    """What is done how often, in seconds."""
    database, objects, settings = gateway.database, gateway.objects, gateway.settings

    def admit_what_waited() -> None:
        with database.transaction() as session:
            admit_all(session, CATALOGUE, settings)

    def reap_the_silent() -> None:
        reap(database, objects, settings)

    def remove_what_is_to_go() -> None:
        remove_doomed(database, objects)

    def forget_idempotency_keys() -> None:
        with database.transaction() as session:
            forget_expired(session)

    def forget_settled_webhooks() -> None:
        with database.transaction() as session:
            forget_settled(session)

    def retire_what_is_old() -> None:
        retire(database, settings)

    def reconcile_buckets() -> None:
        reconcile(database, objects, settings)

    return [
        (RENEW_EVERY_S, relay.renew),
        (1.0, admit_what_waited),
        (1.0, reap_the_silent),
        (1.0, remove_what_is_to_go),
        (600.0, forget_idempotency_keys),
        (600.0, forget_settled_webhooks),
        *([(1.0, Webhooks(database, objects, settings).send_due)] if settings.webhook_key else []),
        (600.0, retire_what_is_old),
        (settings.reconcile_every_s, reconcile_buckets),
    ]


def every(seconds: float, job: Callable[[], object], stop: threading.Event) -> None:
    """Runs a job again and again; a failure is logged, and the next round tries anew."""
    while not stop.is_set():
        began = time.monotonic()
        try:
            job()
        except (DatabaseUnavailable, ObjectStoreError) as exc:
            log.warning("%s: %s", job.__name__, exc)
        except Exception:
            log.exception("%s failed", job.__name__)
        stop.wait(max(0.1, seconds - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
