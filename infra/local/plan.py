"""From manifests and values to what will run where: ports, addresses, environments. Everything that can be refused is refused here.

Pure but for the choice of free ports: nothing is started.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.local.addresses import AddressBook, Key
from infra.local.broker.spec import SinkRef, effective_delivery
from infra.local.environment import Sources, container_env
from infra.local.errors import LocalPlatformError, UnsupportedManifest
from infra.local.kpa_settings import InvalidSetting, Scaling, parse_config, resolve
from infra.local.manifest_kinds import Container, CoreService, Deployment, JobSink, KnativeService
from infra.local.manifests import Manifests
from infra.local.ports import Ports
from infra.local.values import Values

_AUTOSCALER_CONFIG = "config-autoscaler"
_KNATIVE_PORT = 80
_AUTOSCALER, _AUTOSCALER_METRICS_PORT = ("knative-serving", "autoscaler"), 9090  # whose metrics this platform serves in its place
METRICS = "metrics"  # a port of this name is no listener that a Service leads to
METRICS_PORT = "METRICS_PORT"  # a container's second listener, for Prometheus alone: on one machine each needs a port of its own
_Place = tuple[str, str, str]  # (namespace, deployment, container)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Ports by what listens on them. `urls` are the names that people use: Knative Services, core Services, JobSinks."""

    services: Sequence[tuple[KnativeService, Scaling, int]]
    deployment_ports: Mapping[_Place, int]
    broker_port: int | None  # None: no Broker in the manifests
    job_sink_port: int | None  # None: no JobSink in the manifests
    book: AddressBook
    urls: Mapping[str, str]
    broker_urls: Mapping[str, str]


def make_plan(manifests: Manifests, values: Values, ports: Ports, host: str, *, metrics_port: int) -> Plan:
    """Choose every port.

    Raises UnsupportedManifest for autoscaling settings and Services that this platform cannot give, LocalPlatformError for a fixed port in
    use and for names that lead nowhere.
    """
    _check_names(manifests)
    config = next((data for (_, name), data in manifests.config_maps.items() if name == _AUTOSCALER_CONFIG), {})
    scalings = _scalings(manifests, config)
    book_services: dict[Key, dict[int, str]] = {_AUTOSCALER: {_AUTOSCALER_METRICS_PORT: f"http://{host}:{metrics_port}"}}
    urls: dict[str, str] = {}
    services = []
    for service in manifests.services:
        port = ports.take(values.ports.get(service.name))
        services.append((service, scalings[service.namespace, service.name], port))
        book_services[service.namespace, service.name] = {_KNATIVE_PORT: f"http://{host}:{port}"}
        urls[service.name] = f"http://{host}:{port}"
    deployment_ports: dict[_Place, int] = {}
    for core in manifests.core_services:
        book_services[core.namespace, core.name] = table = {}
        for index, (port_name, number, target) in enumerate(core.ports):
            name = core.name if index == 0 else f"{core.name}:{port_name or number}"
            place = _place(core, target, manifests.deployments)
            if place not in deployment_ports:
                deployment_ports[place] = ports.take(values.ports.get(name))
            table[number] = urls[name] = f"http://{host}:{deployment_ports[place]}"
    broker_port = ports.take(values.ports.get("broker")) if manifests.brokers else None
    broker_urls = {f"{broker.namespace}/{broker.name}": f"http://{host}:{broker_port}" for broker in manifests.brokers}
    broker_urls = {name: f"{base}/{name}" for name, base in broker_urls.items()}
    job_sink_port = ports.take(values.ports.get("job-sink")) if manifests.job_sinks else None
    job_sinks = {(sink.namespace, sink.name): f"http://{host}:{job_sink_port}/{sink.key}" for sink in manifests.job_sinks}
    urls |= {name: url for (_, name), url in job_sinks.items()}
    brokers = {(broker.namespace, broker.name): broker_urls[f"{broker.namespace}/{broker.name}"] for broker in manifests.brokers}
    return Plan(
        services=services,
        deployment_ports=deployment_ports,
        broker_port=broker_port,
        job_sink_port=job_sink_port,
        book=AddressBook(book_services, brokers, job_sinks),
        urls=urls,
        broker_urls=broker_urls,
    )


def _check_names(manifests: Manifests) -> None:
    """Logs, ports and instance counts go by the bare name here."""
    seen: dict[str, str] = {}
    for kind, namespace, name in [
        *(("Service", service.namespace, service.name) for service in manifests.services),
        *(("Deployment", deployment.namespace, deployment.name) for deployment in manifests.deployments),
        *(("JobSink", sink.namespace, sink.name) for sink in manifests.job_sinks),
    ]:
        if name in seen:
            raise UnsupportedManifest(kind, f"{namespace}/{name}", f"{seen[name]} has the same name, and on one machine names are for all")
        seen[name] = f"{kind} {namespace}/{name}"


def _scalings(manifests: Manifests, config: Mapping[str, str]) -> Mapping[Key, Scaling]:
    try:
        parsed = parse_config(config)
    except InvalidSetting as exc:
        raise UnsupportedManifest("ConfigMap", _AUTOSCALER_CONFIG, str(exc)) from exc
    scalings = {}
    for service in manifests.services:
        try:
            scaling = resolve(parsed, service.annotations, container_concurrency=service.container_concurrency)
        except InvalidSetting as exc:
            raise UnsupportedManifest("Service", f"{service.namespace}/{service.name}", str(exc)) from exc
        scalings[service.namespace, service.name] = scaling
    return scalings


def _place(core: CoreService, target: int | str, deployments: Sequence[Deployment]) -> _Place:
    """The one container that listens on the Service's target port."""

    def refuse(reason: str) -> UnsupportedManifest:
        return UnsupportedManifest("Service", f"{core.namespace}/{core.name}", reason)

    chosen = [d for d in deployments if d.namespace == core.namespace and core.selector.items() <= d.labels.items()]
    if len(chosen) != 1:
        raise refuse(f"its selector matches {len(chosen)} Deployments; on one machine it must be one")
    deployment = chosen[0]
    if deployment.replicas > 1:
        raise refuse(f"the Deployment {deployment.name} has {deployment.replicas} replicas; on one machine a Service leads to one process")
    listeners = [c for c in deployment.containers if any(target in port for port in c.ports)]
    if not listeners and len(deployment.containers) == 1:
        listeners = list(deployment.containers)
    if len(listeners) != 1:
        raise refuse(f"its target port {target} must be a port of exactly one container of {deployment.name}")
    if sum(name != METRICS for name, _ in listeners[0].ports) > 1:
        raise refuse(f"the container {listeners[0].name} has several ports; give each listener a container of its own")
    return deployment.namespace, deployment.name, listeners[0].name


class Environments:
    """The environment of each container, once the plan stands."""

    def __init__(self, manifests: Manifests, values: Values, plan: Plan, *, host: str, inherited: Mapping[str, str]) -> None:
        self._manifests, self._values, self._plan, self._host = manifests, values, plan, host
        # Logs are read line by line while a process runs.
        self._defaults = {**inherited, "PYTHONUNBUFFERED": "1"}

    def of_service(self, service: KnativeService, port: int) -> dict[str, str]:
        words = {"K_SERVICE": service.name, "K_CONFIGURATION": service.name, "K_REVISION": service.revision}
        return self._make(("Service", service.namespace, service.name), service.container, port, words)

    def of_deployment(self, deployment: Deployment, container: Container, port: int, *, metrics_port: int | None = None) -> dict[str, str]:
        """`metrics_port`: where it is to be scraped, if that is a second listener."""
        words = {} if metrics_port is None else {METRICS_PORT: str(metrics_port)}
        return self._make(("Deployment", deployment.namespace, deployment.name), container, port, words)

    def of_job(self, sink: JobSink, event_folder: str) -> dict[str, str]:
        words = {"K_EXECUTION_MODE": "batch", "K_EVENT_PATH": event_folder}
        return self._make(("JobSink", sink.namespace, sink.name), sink.container, 0, words)

    def _make(self, workload: tuple[str, str, str], container: Container, port: int, words: Mapping[str, str]) -> dict[str, str]:
        kind, namespace, name = workload
        overrides = {**words, **self._sink_words(kind, namespace, name), **self._values.env, "PORT": str(port), "HOST": self._host}
        try:
            return container_env(
                container, sources=self._sources(namespace), defaults=self._defaults, overrides=overrides, rewrite=self._plan.book.rewrite
            )
        except LocalPlatformError as exc:
            raise UnsupportedManifest(kind, f"{namespace}/{name}", f"container {container.name}: {exc}") from exc

    def _sources(self, namespace: str) -> Sources:
        maps = {name: data for (space, name), data in self._manifests.config_maps.items() if space == namespace}
        names = maps.keys() | self._values.config_maps.keys()
        return Sources(
            secrets=self._values.secrets,
            config_maps={name: {**maps.get(name, {}), **self._values.config_maps.get(name, {})} for name in names},
        )

    def _sink_words(self, kind: str, namespace: str, name: str) -> dict[str, str]:
        for binding in self._manifests.sink_bindings:
            if (binding.namespace, binding.subject) == (namespace, (kind, name)):
                return binding_words(self._plan.book.resolve(binding.sink), binding.overrides)
        return {}


def binding_words(sink_url: str, overrides: Mapping[str, str]) -> dict[str, str]:
    """What a SinkBinding puts into the environment."""
    return {"K_SINK": sink_url, "K_CE_OVERRIDES": json.dumps({"extensions": dict(overrides)}) if overrides else ""}


def sinks(manifests: Manifests) -> Sequence[SinkRef]:
    """Every sink that the manifests name, so that a name that leads nowhere is found at start."""
    brokers = {(broker.namespace, broker.name): broker for broker in manifests.brokers}
    found = [binding.sink for binding in manifests.sink_bindings] + [trigger.subscriber for trigger in manifests.triggers]
    for trigger in manifests.triggers:
        broker = brokers.get((trigger.namespace, trigger.broker))
        dead_letters = effective_delivery(trigger, broker).dead_letter_sink if broker else None
        if dead_letters is not None:
            found.append(dead_letters)
    return found
