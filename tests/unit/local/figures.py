"""Every figure that a manifest holds, and every one that the local platform goes by, under a name. Shared by tests; asserts nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from infra.local.broker.spec import SinkRef, effective_delivery
from infra.local.environment import inherited
from infra.local.manifests import read_manifests
from infra.local.plan import Environments, Plan, make_plan
from infra.local.ports import Ports
from infra.local.values import Values

Path_ = tuple[str | int, ...]
_HOST = "127.0.0.1"
_SECRETS = dict.fromkeys(("DATABASE_URL", "OBJECT_STORE_URL", "ATTEMPT_TOKEN_KEY", "WEBHOOK_TOKEN"), "x")
_CHOSEN_HERE = {"HOST", "PORT", "METRICS_PORT"}
WITHOUT_FIGURES = {"v1 Namespace", "v1 Service", "sources.knative.dev/v1 SinkBinding"}  # names and addresses
# Who somebody is and what it runs, never how far, how often, how long or for whom. Any other field is a figure.
NO_FIGURES = frozenset(
    {"selector", "labels", "volumes", "automountServiceAccountToken", "name", "image", "command", "env", "envFrom", "ports"}
    | {"readinessProbe", "livenessProbe", "resources", "securityContext", "volumeMounts"}
)
_WHOLE = {"ref", "args"}  # one figure, whatever is in there


def figures(document: Mapping[str, Any]) -> Iterator[tuple[Path_, Any]]:
    """(path, value) of each figure in one manifest."""
    if f"{document['apiVersion']} {document['kind']}" in WITHOUT_FIGURES:
        return
    for top in ("spec", "data"):
        yield from _leaves(document.get(top, {}), (top,))


def _leaves(value: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    if path[-1] in _WHOLE or not isinstance(value, dict | list):
        yield path, value
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        if key in NO_FIGURES or (path[-1] == "annotations" and not key.startswith("autoscaling.knative.dev/")):
            continue
        if isinstance(child, str) and path == ("data",) and child.startswith("http"):
            continue  # an address
        yield from _leaves(child, (*path, key))


def documents(base: Path) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """(file, its how-manieth document, the document) of every manifest."""
    for file in sorted(base.rglob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield from ((file, index, document) for index, document in enumerate(yaml.safe_load_all(file.read_text())))


def gone_by(base: Path) -> dict[str, Any]:
    """`Kind name.figure` → its value, as the local platform reads these manifests and plans with them."""
    manifests = read_manifests([base])
    values = Values(secrets={"darkroom": _SECRETS})
    plan = make_plan(manifests, values, Ports(_HOST), _HOST, metrics_port=9)
    environments = Environments(manifests, values, plan, host=_HOST, inherited=inherited({}))
    brokers = {broker.name: broker for broker in manifests.brokers}
    seen: dict[str, Any] = {}

    def put(who: str, **of_it: Any) -> None:
        seen.update({f"{who}.{name}": value for name, value in of_it.items()})

    for service, scaling, _ in plan.services:
        timeouts = {"timeout_s": service.timeout_s, "response_start_timeout_s": service.response_start_timeout_s}
        concurrency = service.container_concurrency
        put(f"Service {service.name}", **asdict(scaling), **timeouts, container_concurrency=concurrency, argv=service.container.argv)
    for one in manifests.deployments:
        [container] = one.containers
        environment = environments.of_deployment(one, container, 1).items()
        put(f"Deployment {one.name}", replicas=one.replicas, stop_grace_s=one.stop_grace_s, argv=container.argv)
        put(f"Deployment {one.name}", **{name: _named(value, plan) for name, value in environment if name not in _CHOSEN_HERE})
    for trigger in manifests.triggers:
        filters = {"filters": trigger.filters, "filter": trigger.legacy_filter}
        put(f"Trigger {trigger.name}", broker=trigger.broker, subscriber=_sink(trigger.subscriber, plan), **filters)
        if trigger.broker in brokers:
            delivery = asdict(effective := effective_delivery(trigger, brokers[trigger.broker]))
            delivery["dead_letter_sink"] = effective.dead_letter_sink and _sink(effective.dead_letter_sink, plan)
            put(f"Trigger {trigger.name}", **delivery)
    for sink in manifests.job_sinks:
        put(f"JobSink {sink.name}", active_deadline_s=sink.active_deadline_s, ttl_s=sink.ttl_s, argv=sink.container.argv)
    return seen


def _sink(sink: SinkRef, plan: Plan) -> str:
    return _named(plan.book.resolve(sink), plan)


def _named(text: str, plan: Plan) -> str:
    """Without the ports, which are others each time."""
    for name, url in {**plan.urls, **plan.broker_urls}.items():
        text = text.replace(url, f"({name})")
    return text
