"""The kinds that this platform runs, as records, each read from one manifest document.

Everything a parser cannot take is an UnsupportedManifest that names the field. Broker and Trigger are the broker's own (broker/spec.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from infra.local import manifest_fields
from infra.local.broker.spec import SinkRef
from infra.local.errors import UnsupportedManifest

_MAX_TIMEOUT_S = 600  # config-defaults: max-revision-timeout-seconds
_DEFAULT_TIMEOUT_S = 300  # config-defaults: revision-timeout-seconds, and revision-response-start-timeout-seconds
_MAX_CONCURRENCY = 1000
_SCRATCH = "/tmp"  # noqa: S108  # the one path in a container that a process here can have for itself, by TMPDIR


@dataclass(frozen=True, kw_only=True)
class Container:
    """One process to run: `argv` before `$(VAR)` is expanded, `env` and `env_from` as the manifest has them."""

    name: str
    argv: tuple[str, ...]
    env: tuple[Mapping[str, Any], ...]
    env_from: tuple[Mapping[str, Any], ...]
    ports: tuple[tuple[str, int], ...]  # (name, containerPort); the name may be empty
    ready_path: str | None  # of an httpGet probe; None: ready when it accepts a connection


@dataclass(frozen=True, kw_only=True)
class KnativeService:
    """A service that is scaled by its load. Concurrency 0 is no limit; a response start timeout of None is no limit but `timeout_s`."""

    namespace: str
    name: str
    container: Container
    annotations: Mapping[str, str]
    container_concurrency: int
    timeout_s: int
    response_start_timeout_s: int | None

    @property
    def revision(self) -> str:
        return f"{self.name}-00001"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Processes that are kept running. `labels` and `annotations` are its pods'."""

    namespace: str
    name: str
    containers: tuple[Container, ...]
    replicas: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    stop_grace_s: int


@dataclass(frozen=True, kw_only=True)
class CoreService:
    """A stable name for a Deployment's ports: (name, port, targetPort) each."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    ports: tuple[tuple[str, int, int | str], ...]


@dataclass(frozen=True, kw_only=True)
class JobSink:
    """Makes a Job of each event, and of each Job one process. None: no limit, and a record that stays for good."""

    namespace: str
    name: str
    container: Container
    active_deadline_s: int | None
    ttl_s: int | None

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class SinkBinding:
    """Gives a workload, (kind, name), the address of a sink in K_SINK."""

    namespace: str
    name: str
    subject: tuple[str, str]
    sink: SinkRef
    overrides: Mapping[str, str]


class _Reader:
    """One document, its name at hand for every refusal."""

    def __init__(self, document: Mapping[str, Any], shape: manifest_fields.Shape) -> None:
        self.kind = str(document["kind"])
        self.namespace, self.name = str(document["metadata"]["namespace"]), str(document["metadata"]["name"])
        for path in manifest_fields.unknown_fields(document, shape):
            self.refuse(f"the local platform does not support the field {path}")
        self.spec: Mapping[str, Any] = document.get("spec") or {}

    def refuse(self, reason: str) -> NoReturn:
        raise UnsupportedManifest(self.kind, f"{self.namespace}/{self.name}", reason)

    def whole(self, value: object, path: str, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(f"{path} must be a whole number from {low} to {high}, not {value!r}")
        return value

    def containers(self, pod: Mapping[str, Any]) -> tuple[Container, ...]:
        containers = tuple(self._container(entry, f"container {entry.get('name', '')}".strip()) for entry in pod.get("containers") or [])
        if not containers:
            self.refuse("it has no container")
        return containers

    def _container(self, entry: Mapping[str, Any], path: str) -> Container:
        if not entry.get("command"):
            self.refuse(f"{path} must state its command, since nothing here knows what its image would run")
        for mount in entry.get("volumeMounts") or []:
            if mount.get("mountPath") != _SCRATCH:
                self.refuse(f"{path} mounts {mount.get('mountPath')}; only a scratch folder on {_SCRATCH} means something on one machine")
        for variable in entry.get("env") or []:
            if not isinstance(variable.get("value", ""), str | None):
                self.refuse(f"{path}: the value of env {variable.get('name')} must be a string; quote it")
        probe = entry.get("readinessProbe") or {}
        return Container(
            name=str(entry.get("name") or self.name),
            argv=tuple(str(part) for part in [*entry["command"], *(entry.get("args") or [])]),
            env=tuple(entry.get("env") or ()),
            env_from=tuple(entry.get("envFrom") or ()),
            ports=tuple((str(port.get("name") or ""), int(port["containerPort"])) for port in entry.get("ports") or []),
            ready_path=str(probe["httpGet"].get("path") or "/") if probe.get("httpGet") else None,
        )


def parse_knative_service(document: Mapping[str, Any]) -> KnativeService:
    """Read a serving.knative.dev/v1 Service, its timeouts by Knative's own defaults and limits."""
    reader = _Reader(document, manifest_fields.KNATIVE_SERVICE)
    template = reader.spec.get("template") or {}
    pod = template.get("spec") or {}
    containers = reader.containers(pod)
    if len(containers) > 1:
        reader.refuse("it has several containers; the local platform runs one in each instance")
    if len(containers[0].ports) > 1:
        reader.refuse("its container has several ports; Knative routes to one")
    timeout_s = reader.whole(pod.get("timeoutSeconds") or _DEFAULT_TIMEOUT_S, "timeoutSeconds", 1, _MAX_TIMEOUT_S)
    start_s = pod.get("responseStartTimeoutSeconds")
    if start_s is None and timeout_s > _DEFAULT_TIMEOUT_S:
        start_s = _DEFAULT_TIMEOUT_S  # a silent request is cut there, as on a cluster
    annotations = {str(key): value for key, value in ((template.get("metadata") or {}).get("annotations") or {}).items()}
    for key, value in annotations.items():
        if not isinstance(value, str):
            reader.refuse(f"the annotation {key} must be a string; quote it")
    return KnativeService(
        namespace=reader.namespace,
        name=reader.name,
        container=containers[0],
        annotations=annotations,
        container_concurrency=reader.whole(pod.get("containerConcurrency", 0), "containerConcurrency", 0, _MAX_CONCURRENCY),
        timeout_s=timeout_s,
        response_start_timeout_s=reader.whole(start_s, "responseStartTimeoutSeconds", 0, timeout_s) if start_s else None,
    )


def parse_deployment(document: Mapping[str, Any]) -> Deployment:
    """Read an apps/v1 Deployment."""
    reader = _Reader(document, manifest_fields.DEPLOYMENT)
    template = reader.spec.get("template") or {}
    pod = template.get("spec") or {}
    return Deployment(
        namespace=reader.namespace,
        name=reader.name,
        containers=reader.containers(pod),
        replicas=reader.whole(reader.spec.get("replicas", 1), "replicas", 0, 100),
        labels=(template.get("metadata") or {}).get("labels") or {},
        annotations=(template.get("metadata") or {}).get("annotations") or {},
        stop_grace_s=reader.whole(pod.get("terminationGracePeriodSeconds", 30), "terminationGracePeriodSeconds", 0, 86_400),
    )


def parse_core_service(document: Mapping[str, Any]) -> CoreService:
    """Read a core Service with a selector; one without (an ExternalName, hand-made endpoints) leads nowhere on one machine."""
    reader = _Reader(document, manifest_fields.CORE_SERVICE)
    if not reader.spec.get("selector") or not reader.spec.get("ports"):
        reader.refuse("it needs a selector and ports")
    if reader.spec.get("type", "ClusterIP") not in {"ClusterIP", "NodePort", "LoadBalancer"}:
        reader.refuse(f"the local platform does not support the type {reader.spec['type']}")
    ports = [(str(port.get("name") or ""), int(port["port"]), port.get("targetPort") or int(port["port"])) for port in reader.spec["ports"]]
    return CoreService(namespace=reader.namespace, name=reader.name, selector=reader.spec["selector"], ports=tuple(ports))


def parse_job_sink(document: Mapping[str, Any]) -> JobSink:
    """Read a sinks.knative.dev/v1alpha1 JobSink whose Jobs are one pod, started once."""
    reader = _Reader(document, manifest_fields.JOB_SINK)
    spec = (reader.spec.get("job") or {}).get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = reader.containers(pod)
    if len(containers) > 1:
        reader.refuse("it has several containers; the local platform runs one for each Job")
    if pod.get("restartPolicy") != "Never" or spec.get("backoffLimit") != 0:
        reader.refuse("the local platform starts a Job's process once: it needs restartPolicy: Never and backoffLimit: 0")
    if any(spec.get(field, 1) != 1 for field in ("parallelism", "completions")):
        reader.refuse("parallelism and completions must be 1")
    limits = {
        field: reader.whole(spec[field], field, low, 2**31 - 1) if spec.get(field) is not None else None
        for field, low in (("activeDeadlineSeconds", 1), ("ttlSecondsAfterFinished", 0))
    }
    return JobSink(
        namespace=reader.namespace,
        name=reader.name,
        container=containers[0],
        active_deadline_s=limits["activeDeadlineSeconds"],
        ttl_s=limits["ttlSecondsAfterFinished"],
    )


def parse_sink_binding(document: Mapping[str, Any]) -> SinkBinding:
    """Read a sources.knative.dev/v1 SinkBinding whose subject is named, not selected."""
    reader = _Reader(document, manifest_fields.SINK_BINDING)
    subject, sink = reader.spec.get("subject") or {}, reader.spec.get("sink") or {}
    known = {("apps/v1", "Deployment"): "Deployment", ("serving.knative.dev/v1", "Service"): "Service"}
    kind = known.get((str(subject.get("apiVersion")), str(subject.get("kind"))))
    if kind is None or not subject.get("name"):
        reader.refuse("its subject must be a Deployment or a Knative Service, by name")
    ref, uri = sink.get("ref"), sink.get("uri")
    if not ref and not uri:
        reader.refuse("its sink needs a ref or a uri")
    named = (str(ref["apiVersion"]), str(ref["kind"]), str(ref.get("namespace") or reader.namespace), str(ref["name"])) if ref else None
    return SinkBinding(
        namespace=reader.namespace,
        name=reader.name,
        subject=(kind, str(subject["name"])),
        sink=SinkRef(ref=named, path=uri) if named else SinkRef(uri=uri),
        overrides=(reader.spec.get("ceOverrides") or {}).get("extensions") or {},
    )


def parse_config_map(document: Mapping[str, Any]) -> Mapping[str, str]:
    """The data of a ConfigMap."""
    reader = _Reader(document, manifest_fields.CONFIG_MAP)
    data: Mapping[str, object] = document.get("data") or {}
    for key, value in data.items():
        if not isinstance(value, str):
            reader.refuse(f"data.{key} must be a string; quote it")
    return {key: str(value) for key, value in data.items()}
