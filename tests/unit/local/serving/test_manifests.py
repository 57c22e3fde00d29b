"""Manifests in, records out; whatever is not supported is refused by name. And our own base is supported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.environment import inherited
from infra.local.errors import LocalPlatformError, UnsupportedManifest
from infra.local.manifests import Manifests, read_manifests
from infra.local.plan import Environments, make_plan, sinks
from infra.local.ports import Ports
from infra.local.values import Values

_BASE = Path(__file__).parents[4] / "knative" / "base"
_HOST = "127.0.0.1"


def _service(**changes: Any) -> dict[str, Any]:
    pod = {"containers": [{"command": ["true"]}], **changes}
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "fn"}, "spec": {"template": {"spec": pod}}}


def _annotated(**annotations: str) -> dict[str, Any]:
    service = _service()
    service["spec"]["template"]["metadata"] = {
        "annotations": {f"autoscaling.knative.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    }
    return service


def _deployment(**changes: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "app", "command": ["true"], "ports": [{"name": "http", "containerPort": 8080}]}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": template, **changes}}


def _core_service(target: int | str = 8080, app: str = "web") -> dict[str, Any]:
    spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def _read(tmp_path: Path, *documents: Mapping[str, Any]) -> Manifests:
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(documents))
    return read_manifests([tmp_path])


def _plan(tmp_path: Path, *documents: Mapping[str, Any]) -> None:
    make_plan(_read(tmp_path, *documents), Values(), Ports(_HOST), _HOST, metrics_port=9)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x"}}, "CronJob default/x: the local platform does not run"),
        (_service(initContainers=[]), "does not support the field spec.template.spec.initContainers"),
        (_service(containers=[{"command": ["true"], "lifecycle": {}}]), r"spec\.template\.spec\.containers\[0\]\.lifecycle"),
        (_service(containers=[{"command": ["a"]}, {"command": ["b"]}]), "several containers"),
        (_service(containers=[{"image": "x"}]), "must state its command"),
        (_service(containers=[{"command": ["a"], "volumeMounts": [{"name": "v", "mountPath": "/models"}]}]), "mounts /models"),
        (_service(volumes=[{"name": "v", "persistentVolumeClaim": {}}]), r"volumes\[0\]\.persistentVolumeClaim"),
        (_service(timeoutSeconds=601), "timeoutSeconds must be a whole number from 1 to 600"),
        (_service(timeoutSeconds=60, responseStartTimeoutSeconds=61), "responseStartTimeoutSeconds"),
        (_service(containerConcurrency=1001), "containerConcurrency"),
        (_service(containers=[{"command": ["a"], "env": [{"name": "N", "value": 1}]}]), "the value of env N must be a string"),
        (_deployment(replicas=-1), "replicas"),
    ],
)
def test_refused_by_name(document: Mapping[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedManifest, match=sentence):
        _read(tmp_path, document)


@pytest.mark.parametrize(
    ("documents", "sentence"),
    [
        ([_annotated(max_scale="x")], "max-scale=x: not a valid value"),
        ([_annotated(metric_aggregation_algorithm="weighted-exponential")], "metric-aggregation-algorithm=weighted-exponential"),
        ([_annotated(scale_buffer="1")], "does not support this annotation"),
        ([_service(), _deployment() | {"metadata": {"name": "fn"}}], "Service default/fn has the same name"),
        ([_core_service()], "matches 0 Deployments"),
        ([_core_service(), _deployment(replicas=2)], "a Service leads to one process"),
        ([_core_service(target="grpc"), _deployment()], None),  # one container: it is the one that listens
    ],
)
def test_planned_or_refused(documents: list[Mapping[str, Any]], sentence: str | None, tmp_path: Path) -> None:
    if sentence is None:
        _plan(tmp_path, *documents)
    else:
        with pytest.raises(UnsupportedManifest, match=sentence):
            _plan(tmp_path, *documents)


@pytest.mark.parametrize(
    ("timeout_s", "written", "start_s"),
    [
        (200, None, None),  # no limit but the whole
        (600, None, 300),  # Knative's default cuts a silent request there
        (600, 600, 600),
        (600, 0, None),  # zero switches it off
    ],
)
def test_response_start_timeout(timeout_s: int, written: int | None, start_s: int | None, tmp_path: Path) -> None:
    fields = {"timeoutSeconds": timeout_s} | ({} if written is None else {"responseStartTimeoutSeconds": written})
    assert _read(tmp_path, _service(**fields)).services[0].response_start_timeout_s == start_s


def test_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalPlatformError, match="Service default/fn is there twice"):
        _read(tmp_path, _service(), _service())


def test_kustomization_sets_the_namespace_and_the_files(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(yaml.safe_dump(_service()))
    (tmp_path / "out.yaml").write_text("not: a manifest")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"namespace": "demo", "resources": ["in.yaml"]}))
    assert [(service.namespace, service.name) for service in read_manifests([tmp_path]).services] == [("demo", "fn")]


def test_kustomize_beyond_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": [], "namePrefix": "x-"}))
    with pytest.raises(UnsupportedManifest, match="namePrefix"):
        read_manifests([tmp_path])


def test_our_own_base_runs_here() -> None:
    manifests = read_manifests([_BASE])
    keys = ("DATABASE_URL", "OBJECT_STORE_URL", "ATTEMPT_TOKEN_KEY", "WEBHOOK_TOKEN")
    values = Values(secrets={"darkroom": dict.fromkeys(keys, "x")})
    plan = make_plan(manifests, values, Ports(_HOST), _HOST, metrics_port=9)
    environments = Environments(manifests, values, plan, host=_HOST, inherited=inherited({}))
    for service, _, port in plan.services:
        env = environments.of_service(service, port)
        assert env["GATEWAY_INTERNAL_URL"] == plan.urls["gateway-internal"]
    for deployment in manifests.deployments:
        environments.of_deployment(deployment, deployment.containers[0], 1)
    assert all(plan.book.resolve(sink).startswith(f"http://{_HOST}:") for sink in sinks(manifests))
