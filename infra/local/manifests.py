"""Reads folders of plain Kubernetes manifests into documents, and documents into what this platform runs.

Honours a kustomization's `resources` and `namespace`, nothing else of kustomize. Whatever kind, kustomization key or manifest field is
not understood, or known to mean nothing on one machine, is refused by name (`UnsupportedManifest`). Running it is platform.py's job.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infra.local.broker.spec import BrokerSpec, TriggerSpec, parse_broker, parse_trigger
from infra.local.errors import LocalPlatformError, UnsupportedManifest
from infra.local.manifest_kinds import (
    CoreService,
    Deployment,
    JobSink,
    KnativeService,
    SinkBinding,
    parse_config_map,
    parse_core_service,
    parse_deployment,
    parse_job_sink,
    parse_knative_service,
    parse_sink_binding,
)

Document = dict[str, Any]
_KUSTOMIZATION = "kustomization.yaml"
_SUFFIXES = {".yaml", ".yml"}
_MEANINGLESS_HERE = {("v1", "Namespace"), ("v1", "ServiceAccount")}


@dataclass(kw_only=True)
class Manifests:
    """What a set of folders asks for. Config maps by (namespace, name)."""

    brokers: list[BrokerSpec] = field(default_factory=list)
    triggers: list[TriggerSpec] = field(default_factory=list)
    services: list[KnativeService] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    core_services: list[CoreService] = field(default_factory=list)
    job_sinks: list[JobSink] = field(default_factory=list)
    sink_bindings: list[SinkBinding] = field(default_factory=list)
    config_maps: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)  # kinds that mean nothing on one machine, as `Kind name`


def read_manifests(paths: Sequence[Path]) -> Manifests:
    """Read files and folders, in the order given.

    Raises:
        UnsupportedManifest: something in there that this platform does not offer.
        LocalPlatformError: a file that cannot be read or is no YAML, or an object that is there twice.
    """
    manifests = Manifests()
    seen: set[tuple[str, str, str]] = set()
    for document in (document for path in paths for document in _documents(path, namespace=None)):
        identity = (f"{document['apiVersion']} {document['kind']}", document["metadata"]["namespace"], document["metadata"]["name"])
        if identity in seen:
            raise LocalPlatformError(f"{document['kind']} {identity[1]}/{identity[2]} is there twice")
        seen.add(identity)
        _sort_in(manifests, document)
    return manifests


def _sort_in(manifests: Manifests, document: Document) -> None:
    match document["apiVersion"], document["kind"]:
        case "eventing.knative.dev/v1", "Broker":
            manifests.brokers.append(parse_broker(document))
        case "eventing.knative.dev/v1", "Trigger":
            manifests.triggers.append(parse_trigger(document))
        case "serving.knative.dev/v1", "Service":
            manifests.services.append(parse_knative_service(document))
        case "apps/v1", "Deployment":
            manifests.deployments.append(parse_deployment(document))
        case "v1", "Service":
            manifests.core_services.append(parse_core_service(document))
        case "sinks.knative.dev/v1alpha1", "JobSink":
            manifests.job_sinks.append(parse_job_sink(document))
        case "sources.knative.dev/v1", "SinkBinding":
            manifests.sink_bindings.append(parse_sink_binding(document))
        case "v1", "ConfigMap":
            metadata = document["metadata"]
            manifests.config_maps[metadata["namespace"], metadata["name"]] = parse_config_map(document)
        case known if known in _MEANINGLESS_HERE:
            manifests.ignored.append(f"{document['kind']} {document['metadata']['name']}")
        case version, kind:
            name = f"{document['metadata']['namespace']}/{document['metadata']['name']}"
            raise UnsupportedManifest(kind, name, f"the local platform does not run {version} {kind}")


def _documents(path: Path, namespace: str | None) -> Iterator[Document]:
    if path.is_dir():
        kustomization = path / _KUSTOMIZATION
        if kustomization.is_file():
            yield from _kustomized(kustomization, namespace)
            return
        for child in sorted(path.iterdir()):
            if child.is_dir() or child.suffix in _SUFFIXES:
                yield from _documents(child, namespace)
        return
    for document in _load(path):
        metadata = document.get("metadata") if isinstance(document, dict) else None
        if not isinstance(metadata, dict) or not metadata.get("name") or not document.get("kind") or not document.get("apiVersion"):
            raise LocalPlatformError(f"{path}: a document without apiVersion, kind and metadata.name")
        metadata["namespace"] = namespace or metadata.get("namespace") or "default"
        yield document


def _kustomized(path: Path, namespace: str | None) -> Iterator[Document]:
    for document in _load(path):
        unknown = set(document) - {"apiVersion", "kind", "metadata", "namespace", "resources"}
        if unknown:
            raise UnsupportedManifest("Kustomization", str(path), f"the local platform does not know {', '.join(sorted(unknown))}")
        for resource in document.get("resources") or []:
            yield from _documents(path.parent / resource, namespace or document.get("namespace"))


def _load(path: Path) -> list[Any]:
    try:
        return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]
    except (OSError, yaml.YAMLError) as exc:
        raise LocalPlatformError(f"cannot read the manifest {path}: {exc}") from exc
