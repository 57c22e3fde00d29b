"""Code and manifests agree: what a Trigger asks for exists, what the catalogue promises is deployed, and the times fit each other."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings
from infra.local.broker.duration import parse_duration_s
from schemas import events
from schemas.catalogue import CATALOGUE

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = REPOSITORY / "knative" / "base"


@cache
def manifests() -> tuple[Any, ...]:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return tuple(document for name in listed for document in yaml.safe_load_all((BASE / name).read_text()))


def of_kind(kind: str, api: str = "") -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] == kind and api in one["apiVersion"]}


SERVICES = of_kind("Service", "serving.knative.dev")
TRIGGERS = of_kind("Trigger")
OPERATION_TRIGGERS = {
    name: t["spec"] for name, t in TRIGGERS.items() if t["spec"].get("filter", {}).get("attributes", {}).get("type") == events.REQUESTED
}
CONFIG = of_kind("ConfigMap")["darkroom"]["data"]


def seconds(text: str) -> float:
    return float(parse_duration_s(text))


def test_every_file_is_listed() -> None:
    listed = set(yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"])
    assert listed == {str(path.relative_to(BASE)) for path in BASE.rglob("*.yaml")} - {"kustomization.yaml"}


def test_every_operation_has_a_folder_a_service_and_a_trigger() -> None:
    folders = {path.parent.name for path in (REPOSITORY / "functions").glob("*/main.py")}
    assert folders == SERVICES.keys() == OPERATION_TRIGGERS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_service_runs_its_own_function(name: str) -> None:
    container = SERVICES[name]["spec"]["template"]["spec"]["containers"][0]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["FUNCTION_SOURCE"] == f"functions/{name}/main.py"
    assert OPERATION_TRIGGERS[name]["filter"]["attributes"] == {"type": events.REQUESTED, "operation": name, "lane": "request"}
    assert OPERATION_TRIGGERS[name]["subscriber"]["ref"]["name"] == name


def test_every_type_that_a_trigger_names_is_ours_or_an_uploads() -> None:
    for trigger in TRIGGERS.values():
        named = trigger["spec"].get("filter", {}).get("attributes", {}).get("type")
        prefixes = [one["prefix"]["type"] for one in trigger["spec"].get("filters", [])]
        assert named in events.OWN_TYPES or prefixes == [events.UPLOAD_PREFIX]


def test_what_the_gateway_must_hear_is_heard() -> None:
    heard = {
        t["spec"].get("filter", {}).get("attributes", {}).get("type")
        for t in TRIGGERS.values()
        if t["spec"]["subscriber"].get("uri") == "/internal/events"
    }
    assert {events.COMPLETED, events.FAILED} <= heard


@pytest.mark.parametrize("name", CATALOGUE)
def test_times_agree(name: str) -> None:
    """Rule 9: deadline + 30 s ≤ timeoutSeconds = responseStartTimeoutSeconds ≤ 600 < delivery.timeout."""
    spec = SERVICES[name]["spec"]["template"]["spec"]
    assert CATALOGUE[name].deadline_s + 30 <= spec["timeoutSeconds"] == spec["responseStartTimeoutSeconds"] <= 600
    delivery = OPERATION_TRIGGERS[name].get("delivery") or of_kind("Broker")["default"]["spec"]["delivery"]
    assert seconds(delivery["timeout"]) > spec["timeoutSeconds"]
    arguments = spec["containers"][0]["args"]
    assert f"--graceful-timeout={spec['timeoutSeconds']}" in arguments
    assert f"--threads={spec['containerConcurrency'] + 1}" in arguments


def test_triggers_to_the_gateway_retry_for_an_hour() -> None:
    for name, trigger in TRIGGERS.items():
        if trigger["spec"]["subscriber"].get("uri") == "/internal/events":
            delivery = trigger["spec"]["delivery"]
            assert delivery["backoffPolicy"] == "exponential"
            assert sum(seconds(delivery["backoffDelay"]) * 2**n for n in range(delivery["retry"])) >= 3600, name  # 1 + 2 + … + 2048 = 4095


@pytest.mark.parametrize("name", CATALOGUE)
def test_slots_fit_the_scale_bounds(name: str) -> None:
    """Rule 1: at most 2 × max-scale × containerConcurrency for deadlines up to 60 s, else 1 ×."""
    template = SERVICES[name]["spec"]["template"]
    max_scale = int(template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"])
    ahead = 2 if CATALOGUE[name].deadline_s <= 60 else 1
    slots = json.loads(CONFIG["SLOTS"])
    assert slots[name] <= ahead * max_scale * template["spec"]["containerConcurrency"]
    assert Settings.model_fields["slots"].default == slots


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_statistics_say_the_scale_bounds(name: str) -> None:
    annotations = SERVICES[name]["spec"]["template"]["metadata"]["annotations"]
    bounds = [int(annotations[f"autoscaling.knative.dev/{which}-scale"]) for which in ("min", "max")]
    assert json.loads(CONFIG["SCALE_BOUNDS"])[name] == bounds == list(Settings.model_fields["scale_bounds"].default[name])


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_busy_slot_is_not_two_pods(name: str) -> None:
    annotations = SERVICES[name]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/target-utilization-percentage"] == "100"
    assert int(annotations["autoscaling.knative.dev/max-scale"]) >= 1


def test_every_container_is_restricted() -> None:
    pods = [one["spec"]["template"]["spec"] for one in (*SERVICES.values(), *of_kind("Deployment").values())]
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert (security["runAsNonRoot"], security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (
                True,
                True,
                False,
            )
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
            assert "limits" in container["resources"]
            assert ":" in container["image"]
