"""Code and manifests agree: what a Trigger asks for exists, what the catalogue promises is deployed, and the times fit each other."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.runtime.broker import REPLY_PATIENCE_S
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
REQUEST_TRIGGERS = {
    name: t["spec"] for name, t in TRIGGERS.items() if t["spec"].get("filter", {}).get("attributes", {}).get("type") == events.REQUESTED
}
OPERATION_TRIGGERS = {name: spec for name, spec in REQUEST_TRIGGERS.items() if spec["filter"]["attributes"]["lane"] == "request"}
JOB_SINKS = of_kind("JobSink", "sinks.knative.dev")
LONG = [name for name, operation in CATALOGUE.items() if operation.job_deadline_s]
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


def test_every_operation_that_can_be_long_has_a_job_sink_and_a_trigger() -> None:
    assert [f"{name}-job" for name in LONG] == list(JOB_SINKS)
    assert REQUEST_TRIGGERS.keys() - OPERATION_TRIGGERS.keys() == JOB_SINKS.keys()


@pytest.mark.parametrize("name", LONG)
def test_a_job_runs_what_its_service_runs(name: str) -> None:
    """The same image, resources and settings; the event from the JobSink, the reply to the broker."""
    trigger, job = REQUEST_TRIGGERS[f"{name}-job"], JOB_SINKS[f"{name}-job"]["spec"]["job"]
    assert trigger["filter"]["attributes"] == {"type": events.REQUESTED, "operation": name, "lane": "job"}
    assert (trigger["subscriber"]["ref"]["kind"], trigger["subscriber"]["ref"]["name"]) == ("JobSink", f"{name}-job")
    [container], service = job["spec"]["template"]["spec"]["containers"], SERVICES[name]["spec"]["template"]["spec"]
    [served] = service["containers"]
    for field in ("image", "envFrom", "resources", "securityContext", "volumeMounts"):
        assert container[field] == served[field]
    assert [*container["command"], *container["args"]] == ["python", "-m", f"functions.{name}.main"]
    of_the_server = {"HOST", "FUNCTION_SOURCE", "FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE"}
    ours, theirs = ({entry["name"]: entry for entry in one["env"]} for one in (container, served))
    assert theirs.keys() - ours.keys() == of_the_server
    assert {key: ours[key] for key in theirs.keys() & ours.keys()} == {key: theirs[key] for key in theirs.keys() & ours.keys()}
    assert ours.keys() - theirs.keys() == {"K_SINK"}
    assert ours["K_SINK"]["valueFrom"]["configMapKeyRef"] == {"name": "darkroom", "key": "BROKER_URL"}
    assert CONFIG["BROKER_URL"].endswith("/darkroom/default")


@pytest.mark.parametrize("name", LONG)
def test_a_jobs_times_agree(name: str) -> None:
    """Rule 9 for the long lane: what a Job may take in all covers its start, its work, its reply, and half a minute for fetch and store."""
    job = JOB_SINKS[f"{name}-job"]["spec"]["job"]["spec"]
    deadline_s, start_s = CATALOGUE[name].job_deadline_s, Settings.model_fields["job_start_timeout_s"].default
    assert deadline_s is not None
    assert start_s + deadline_s + REPLY_PATIENCE_S + 30 <= job["activeDeadlineSeconds"]
    assert deadline_s > CATALOGUE[name].deadline_s
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert 0 < job["ttlSecondsAfterFinished"] <= 86_400


def test_the_long_lanes_slots_are_the_job_sinks() -> None:
    """Rule 1, 1 x: each slot is one Job, and each Job one pod."""
    slots = json.loads(CONFIG["JOB_SLOTS"])
    assert slots == Settings.model_fields["job_slots"].default
    assert slots.keys() == set(LONG)
    assert all(count >= 1 for count in slots.values())
    for sink in JOB_SINKS.values():
        job = sink["spec"]["job"]["spec"]
        assert (job["parallelism"], job["completions"]) == (1, 1)


def test_no_request_is_predicted_longer_than_a_service_may_take() -> None:
    limit_s = float(CONFIG["REQUEST_LIMIT_S"])
    assert limit_s == Settings.model_fields["request_limit_s"].default == max(one.deadline_s for one in CATALOGUE.values())
    assert limit_s + 30 <= 600


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
    assert slots.get(name, 1) <= ahead * max_scale * template["spec"]["containerConcurrency"]
    assert Settings.model_fields["slots"].default == slots


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_statistics_say_the_scale_bounds(name: str) -> None:
    if name not in Settings.model_fields["scale_bounds"].default:
        return  # then they are null
    annotations = SERVICES[name]["spec"]["template"]["metadata"]["annotations"]
    bounds = [int(annotations[f"autoscaling.knative.dev/{which}-scale"]) for which in ("min", "max")]
    assert json.loads(CONFIG["SCALE_BOUNDS"])[name] == bounds == list(Settings.model_fields["scale_bounds"].default[name])


def test_the_statistics_count_in_the_services_own_namespace() -> None:
    assert {service["metadata"]["namespace"] for service in SERVICES.values()} == {CONFIG["SERVING_NAMESPACE"]}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_busy_slot_is_not_two_pods(name: str) -> None:
    annotations = SERVICES[name]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/target-utilization-percentage"] == "100"
    assert int(annotations["autoscaling.knative.dev/max-scale"]) >= 1


def test_every_container_is_restricted() -> None:
    pods = [one["spec"]["template"]["spec"] for one in (*SERVICES.values(), *of_kind("Deployment").values())]
    pods += [one["spec"]["job"]["spec"]["template"]["spec"] for one in JOB_SINKS.values()]
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
