"""The schemas of Kubernetes, Knative and two operators, out of their Go modules: nothing is kept here, `go mod download` fetches all.

A cluster refuses a field that its schema does not have; JSON Schema allows it unless told otherwise. So every object with properties is
closed, but where Kubernetes itself keeps unknown fields.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

KUBERNETES, SERVING, EVENTING = "k8s.io/kubernetes@v1.34.4", "knative.dev/serving@v0.50.0", "knative.dev/eventing@v0.50.0"
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
RABBITMQ = "knative.dev/eventing-rabbitmq@v0.33.0"  # of 2022: the proxy has no newer one
OPERATORS: dict[str, tuple[str, ...]] = {
    PROMETHEUS: (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    RABBITMQ: ("config/broker/300-rabbitmqbrokerconfig.yaml",),
}
"""The definitions that components need beside Kubernetes' and Knative's, by module."""
_GROUPS = ("api__v1", "apis__apps__v1", "apis__batch__v1", "apis__networking.k8s.io__v1", "apis__policy__v1")

Kind = tuple[str, str]  # apiVersion, kind
Schemas = dict[Kind, Draft202012Validator]


def download(folder: Path, *wanted: str) -> dict[str, Path]:
    """Module → its folder in Go's module cache; without names, every one."""
    argv = ["go", "mod", "download", "-json", *(wanted or (KUBERNETES, SERVING, EVENTING, *OPERATORS))]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    decoder, rest, found = json.JSONDecoder(), done.stdout.lstrip(), {}
    while rest:
        module, end = decoder.raw_decode(rest)
        found[f"{module['Path']}@{module['Version']}"] = Path(module["Dir"])
        rest = rest[end:].lstrip()
    return found


def load(modules: dict[str, Path]) -> Schemas:
    """A validator for each kind that they have."""
    schemas: Schemas = {}
    for group in _GROUPS:
        document = json.loads((modules[KUBERNETES] / "api" / "openapi-spec" / "v3" / f"{group}_openapi.json").read_text())
        _close(document)
        for name, schema in document["components"]["schemas"].items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                version = "/".join(filter(None, (kind["group"], kind["version"])))
                whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
                schemas[version, kind["kind"]] = Draft202012Validator(whole)
    paths = [
        path
        for module, folder in ((SERVING, "config/core/300-resources"), (EVENTING, "config/core/resources"))
        for path in sorted((modules[module] / folder).glob("*.yaml"))
    ]
    for path in (*paths, *operators(modules)):
        for definition in yaml.safe_load_all(path.read_text()):
            schemas |= _custom(definition)
    return schemas


def operators(modules: dict[str, Path]) -> list[Path]:
    """The files of the operators' definitions."""
    return [modules[module] / name for module, names in OPERATORS.items() for name in names]


def _custom(definition: dict[str, Any]) -> Schemas:
    spec = definition["spec"]
    found: Schemas = {}
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        schema.setdefault("properties", {}).update(
            {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
        )
        _close(schema)
        found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = Draft202012Validator(schema)
    return found


def _close(schema: Any) -> None:
    """Adds `additionalProperties: false` wherever properties are listed and unknown ones are not kept."""
    if isinstance(schema, list):
        for item in schema:
            _close(item)
    if not isinstance(schema, dict):
        return
    for value in schema.values():
        _close(value)
    if (
        isinstance(schema.get("properties"), dict)
        and schema.get("type") == "object"
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        schema.setdefault("additionalProperties", False)


def faults(schemas: Schemas, document: dict[str, Any]) -> list[str]:
    """What is wrong with one object, by path."""
    kind = document["apiVersion"], document["kind"]
    if kind not in schemas:
        return [f"no schema of {kind[0]} {kind[1]}"]
    name = document["metadata"]["name"]
    return [f"{kind[1]} {name} {error.json_path}: {error.message[:200]}" for error in schemas[kind].iter_errors(document)]
