"""An exporter of samples under the names and labels that Knative 1.23 publishes, growing a little with every scrape.

Autoscaler, dispatcher and queue-proxy have a page each, being processes of their own; the queue-proxy does not say whose it is.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from tests.serving import Quiet, serving

NAMESPACE = "samples"
_REVISION = f'kn_service_name="probe",kn_revision_name="probe-00001",kn_configuration_name="probe",k8s_namespace_name="{NAMESPACE}"'
_GAUGES = (
    "pods_desired",
    "pods_requested",
    "pods_count",
    "pods_not_ready_count",
    "pods_pending_count",
    "pods_terminating_count",
    "panic_mode",
    "concurrency_stable",
    "concurrency_panic",
    "concurrency_target",
)
_TRY = (
    f'kn_broker_name="default",kn_broker_namespace="{NAMESPACE}",cloudevents_type="dev.darkroom.operation.requested",'
    f'http_response_status_code="200",messaging_destination_name="trigger:probe.{NAMESPACE}",cloudevents_subject='
)
"""A series for each event's subject: seen on Knative 1.23."""


def autoscaler(_: int) -> str:
    return "".join(f"# TYPE kn_revision_{name} gauge\nkn_revision_{name}{{{_REVISION}}} 1\n" for name in _GAUGES)


def dispatcher(scrape: int) -> str:
    name = "kn_eventing_dispatch_duration_seconds"
    return f"# TYPE {name} histogram\n" + "".join(series(name, f'{_TRY}"{subject}"', 1) for subject in range(scrape))


def queue_proxy(scrape: int) -> str:
    depth = "# TYPE kn_serving_queue_depth gauge\nkn_serving_queue_depth 1\n"
    name = "kn_serving_invocation_duration_seconds"
    return depth + f"# TYPE {name} histogram\n" + series(name, 'http_response_status_code="200"', scrape)


def series(name: str, labels: str, count: int) -> str:
    """One of a histogram."""
    buckets = "".join(f'{name}_bucket{{{labels},le="{bound}"}} {count}\n' for bound in ("0.1", "0.25", "+Inf"))
    return f"{buckets}{name}_sum{{{labels}}} {count * 0.2}\n{name}_count{{{labels}}} {count}\n"


PAGES = {"/autoscaler": autoscaler, "/dispatcher": dispatcher, "/queue-proxy": queue_proxy}


@contextmanager
def exporting() -> Iterator[str]:
    """The exporter's host and port."""
    scrapes = itertools.count(1)

    class Exporter(Quiet):
        def do_GET(self) -> None:
            body = PAGES[self.path](next(scrapes)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Exporter) as origin:
        yield origin.removeprefix("http://")
