"""Every overlay and component, rendered: what a Trigger names exists in `schemas`, images, ports and variables agree, pods are restricted,
and the network's few ways lead where something listens."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from gateway.settings import Settings as GatewaySettings
from infra import identity
from infra.bucket_source.settings import Settings as BucketSourceSettings
from infra.cli.init import InitSettings
from infra.local.broker.spec import parse_broker, parse_trigger
from schemas import events
from schemas.catalogue import CATALOGUE
from tests.rendering import COMBINATIONS, COMPONENTS, IN_BOTH, KNATIVE, REPOSITORY, Object, containers, of_kind, pods, rendered

TARGETS = set(re.findall(r"^FROM \S+ AS (\S+)$", (REPOSITORY / "infra" / "containers" / "Dockerfile").read_text(), re.MULTILINE))
JOBS = [f"{name}-job" for name, operation in CATALOGUE.items() if operation.job_deadline_s]
STORES = {"pgvector/pgvector", "quay.io/minio/minio"}


@pytest.fixture(params=COMBINATIONS, ids=lambda one: "+".join((one[0], *one[1])))
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    return rendered(*request.param)


def without_audiences(value: Any) -> Any:
    """As the local platform takes it: it has no OIDC, and refuses a manifest that asks for some."""
    if isinstance(value, dict):
        return {key: without_audiences(item) for key, item in value.items() if key != "audience"}
    return [without_audiences(item) for item in value] if isinstance(value, list) else value


def image(container: Object) -> tuple[str, str]:
    """(name without its registry, tag) of an image."""
    name, _, tag = container["image"].rpartition(":")
    return re.sub(r"^(dev\.local|registry\.example\.com)/", "", name), tag


def test_every_component_is_rendered() -> None:
    assert {name for _, chosen in COMBINATIONS for name in chosen} | set(IN_BOTH) == set(COMPONENTS)
    folders = {f"overlays/{path.parent.name}" for path in (KNATIVE / "overlays").glob("*/kustomization.yaml")}
    assert {overlay for overlay, _ in COMBINATIONS} == folders | {"base"}


@pytest.mark.parametrize("overlay", sorted({overlay for overlay, _ in COMBINATIONS} - {"base"}))
def test_every_overlay_makes_the_ledger_and_the_buckets(overlay: str) -> None:
    """Once, by the gateway's own image, with what the Secret says."""
    objects = rendered(overlay, ())
    [job] = of_kind(objects, "Job").values()
    [container] = job["spec"]["template"]["spec"]["containers"]
    [gateway] = pods(objects)["gateway"]["spec"]["containers"]
    assert [*container["command"], *container["args"]] == ["python", "-m", "infra.cli.main", "init"]
    assert container["image"] == gateway["image"]
    assert container["envFrom"] == [{"secretRef": {"name": "darkroom"}}]


def test_no_object_is_there_twice_and_all_live_in_one_namespace(objects: tuple[Object, ...]) -> None:
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    assert {one["metadata"].get("namespace", "darkroom") for one in objects} == {"darkroom"}
    assert of_kind(objects, "Secret") == {}


def test_triggers_name_what_schemas_has(objects: tuple[Object, ...]) -> None:
    heard: set[str] = set()
    for trigger in of_kind(objects, "Trigger").values():
        spec = parse_trigger(without_audiences(trigger))  # the local platform's reader: it refuses what a default cluster refuses
        attributes = spec.legacy_filter or {}
        prefixes = [one["prefix"]["type"] for one in spec.filters]
        assert set(attributes) <= {"type", "operation", "lane"}
        if prefixes:
            assert prefixes == [events.UPLOAD_PREFIX]
            heard |= events.UPLOAD_TYPES
            continue
        assert attributes["type"] in events.OWN_TYPES | events.UPLOAD_TYPES
        if attributes["type"] == events.REQUESTED:
            assert attributes["operation"] in CATALOGUE
            assert attributes["lane"] in set(events.Lane)
            assert CATALOGUE[attributes["operation"]].longest_s(events.Lane(attributes["lane"]))
        heard.add(attributes["type"])
    assert heard == events.OWN_TYPES | events.UPLOAD_TYPES


def test_every_subscriber_and_sink_is_there(objects: tuple[Object, ...]) -> None:
    [broker] = of_kind(objects, "Broker").values()
    sinks = [trigger["spec"]["subscriber"] for trigger in of_kind(objects, "Trigger").values()]
    sinks += [binding["spec"]["sink"] for binding in of_kind(objects, "SinkBinding").values()]
    sinks.append(broker["spec"]["delivery"]["deadLetterSink"])
    there = {(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in objects}
    for sink in sinks:
        assert (sink["ref"]["apiVersion"], sink["ref"]["kind"], sink["ref"]["name"]) in there
    for binding in of_kind(objects, "SinkBinding").values():
        assert binding["spec"]["subject"]["name"] in of_kind(objects, "Deployment")


def test_a_broker_class_changes_nothing_else_of_the_broker(objects: tuple[Object, ...]) -> None:
    [broker] = of_kind(objects, "Broker").values()
    base = of_kind(rendered("base", ()), "Broker")["default"]
    assert parse_broker(without_audiences(broker)).delivery == parse_broker(base).delivery
    known = {None, "Kafka", "RabbitMQBroker"}
    assert broker["metadata"].get("annotations", {}).get("eventing.knative.dev/broker.class") in known


def test_rabbitmq_gets_exact_filters_only() -> None:
    for trigger in of_kind(rendered("overlays/dev", ("rabbitmq-broker",)), "Trigger").values():
        assert "filters" not in trigger["spec"]
    whole = of_kind(rendered("base", ()), "Trigger")["gateway-uploads"]["spec"]
    four = [
        one["spec"]
        for name, one in of_kind(rendered("overlays/dev", ("rabbitmq-broker",)), "Trigger").items()
        if name.startswith("gateway-uploads-")
    ]
    assert len(four) == len(events.UPLOAD_TYPES) == 4
    assert all(_but_filters(one) == _but_filters(whole) for one in four)


def _but_filters(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if key not in ("filter", "filters")}


def test_images_are_ours_or_the_stores_and_pinned(objects: tuple[Object, ...]) -> None:
    for name, tag in map(image, containers(objects)):
        assert tag not in ("", "latest"), name
        assert name in STORES or (name.startswith("darkroom/") and name.removeprefix("darkroom/") in TARGETS), name


def test_variables_come_from_what_is_there(objects: tuple[Object, ...]) -> None:
    """A config map key that is named exists; a secret's keys are the four of base, or one that dev's stores add."""
    maps = {name: set(one.get("data", {})) for name, one in of_kind(objects, "ConfigMap").items()}
    settings = (GatewaySettings, BucketSourceSettings, InitSettings)
    secret = {"DATABASE_URL", "OBJECT_STORE_URL", "ATTEMPT_TOKEN_KEY", "WEBHOOK_TOKEN"}
    assert secret <= {field.upper() for model in settings for field in model.model_fields}
    secret |= {"POSTGRES_PASSWORD", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"}
    for container in containers(objects):
        for entry in container.get("env", ()):
            source = entry.get("valueFrom", {})
            if (ref := source.get("configMapKeyRef")) is not None:
                assert ref["key"] in maps[ref["name"]]
            if (ref := source.get("secretKeyRef")) is not None:
                assert (ref["name"], ref["key"] in secret) == ("darkroom", True)
        for entry in container.get("envFrom", ()):
            assert entry.get("configMapRef", {}).get("name", next(iter(maps))) in maps
            assert entry.get("secretRef", {}).get("name", "darkroom") == "darkroom"


def test_pods_are_restricted(objects: tuple[Object, ...]) -> None:
    """What pod-security.kubernetes.io/enforce: restricted demands, and a root that nobody writes to."""
    assert of_kind(objects, "Namespace")["darkroom"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for template in pods(objects).values():
        assert template["spec"]["automountServiceAccountToken"] is False
        for container in template["spec"]["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["runAsNonRoot"] is True
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
            assert {"requests", "limits"} <= container["resources"].keys()
        assert all("emptyDir" in volume or short_lived_tokens_alone(volume) for volume in template["spec"]["volumes"])


def short_lived_tokens_alone(volume: Object) -> bool:
    """A projection of a token that ends within the hour, and of what its receiver is checked with: the oidc component's."""
    sources = [source for one in volume.get("projected", {}).get("sources", ()) for source in one.items()]
    tokens = [source["expirationSeconds"] for kind, source in sources if kind == "serviceAccountToken"]
    rest = [source["name"] for kind, source in sources if kind != "serviceAccountToken"]
    return tokens == [3600] and rest in ([], ["kube-root-ca.crt"])


def test_with_oidc_both_ends_ask_for_the_same_audience() -> None:
    """What the gateway wants is what the broker's tokens for it say; every way to the gateway brings one, the dead letters' too."""
    objects = rendered("overlays/prod", ("gpu", "monitoring", "oidc"))
    wanted = of_kind(objects, "ConfigMap")["darkroom"]["data"]["OIDC_AUDIENCE"]
    [broker] = of_kind(objects, "Broker").values()
    subscribers = {name: trigger["spec"]["subscriber"] for name, trigger in of_kind(objects, "Trigger").items()}
    ours = [one for one in subscribers.values() if one["ref"]["name"] == "gateway-internal"]
    assert len(ours) >= 3
    assert {one["audience"] for one in [*ours, broker["spec"]["delivery"]["deadLetterSink"]]} == {wanted}
    assert all("audience" not in one for one in subscribers.values() if one not in ours)


def test_with_oidc_a_job_brings_a_token_for_the_broker() -> None:
    objects = rendered("overlays/prod", ("oidc",))
    [broker] = of_kind(objects, "Broker").values()
    space, name = broker["metadata"].get("namespace", "darkroom"), broker["metadata"]["name"]
    for name_of_job in JOBS:
        [container] = pods(objects)[name_of_job]["spec"]["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        [volume] = [one for one in pods(objects)[name_of_job]["spec"]["volumes"] if "projected" in one]
        [source] = volume["projected"]["sources"]
        token = source["serviceAccountToken"]
        assert token["audience"] == f"eventing.knative.dev/broker/{space}/{name}"
        assert f"{mounts[volume['name']]}/{token['path']}" == str(identity.TOKEN_FILE)


def test_knative_services_need_no_flag_but_the_gpus(objects: tuple[Object, ...]) -> None:
    """Behind `kubernetes.podspec-*`: a pod's own securityContext, nodeSelector, tolerations and the like; the gpu component says so."""
    for name, service in of_kind(objects, "Service", "serving.knative.dev").items():
        spec = service["spec"]["template"]["spec"]
        extra = spec.keys() - {
            "automountServiceAccountToken",
            "containerConcurrency",
            "containers",
            "responseStartTimeoutSeconds",
            "timeoutSeconds",
            "volumes",
        }
        gpu = "nvidia.com/gpu" in spec["containers"][0]["resources"]["limits"]
        assert extra == ({"nodeSelector", "tolerations"} if gpu else set()), name
        assert gpu == (image(spec["containers"][0])[0] == "darkroom/embed-gpu")


def test_the_readme_lists_every_part_and_every_flag() -> None:
    text = (KNATIVE / "README.md").read_text()
    assert {f"components/{name}" for name in COMPONENTS} | {overlay for overlay, _ in COMBINATIONS} == set(
        re.findall(
            r"^\| `(base|(?:components|overlays)/[a-z-]+)` \| .*[a-z]", text.partition("## What a cluster's operator")[0], re.MULTILINE
        )
    )
    for path in KNATIVE.glob("components/*/kustomization.yaml"):
        for flag, value in re.findall(r'^#   ([a-z.-]+): "?(\w+)"?$', path.read_text(), re.MULTILINE):
            assert f"`{flag}: {value}`" in text, path


def test_the_gpu_component_names_its_flags() -> None:
    for page in ("README.md", "components/gpu/kustomization.yaml"):
        text = (KNATIVE / page).read_text()
        assert "kubernetes.podspec-nodeselector" in text
        assert "kubernetes.podspec-tolerations" in text
    embed = of_kind(rendered("overlays/prod", ("gpu", "monitoring")), "Service", "serving.knative.dev")["embed"]
    assert embed["metadata"]["labels"]["darkroom.dev/accelerator"] == "gpu"
    assert embed["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"


def test_production_survives_a_node() -> None:
    objects = rendered("overlays/prod", ())
    budgets = of_kind(objects, "PodDisruptionBudget")
    for name, deployment in of_kind(objects, "Deployment").items():
        assert deployment["spec"]["replicas"] >= 2, name
        assert budgets[name]["spec"]["minAvailable"] == 1
        assert budgets[name]["spec"]["selector"] == deployment["spec"]["selector"]


def policies() -> dict[str, Object]:
    return of_kind(rendered("overlays/dev", ("network-policies",)), "NetworkPolicy")


def test_by_default_nothing_goes_in_and_only_names_are_asked() -> None:
    spec = policies()["default-deny"]["spec"]
    assert spec["podSelector"] == {}
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in spec
    assert [{port["port"] for port in rule["ports"]} for rule in spec["egress"]] == [{53}]


def test_the_internal_listener_hears_broker_functions_and_prometheus_only() -> None:
    [rule] = policies()["gateway-internal"]["spec"]["ingress"]
    namespaces = {next(iter(peer["namespaceSelector"]["matchLabels"].values())) for peer in rule["from"] if "namespaceSelector" in peer}
    assert namespaces == {"knative-eventing", "monitoring"}
    selected = [peer["podSelector"] for peer in rule["from"] if "podSelector" in peer]
    functions = {"key": "serving.knative.dev/service", "operator": "Exists"}
    jobs = {"key": "app", "operator": "In", "values": JOBS}
    broker = {"matchLabels": {"eventing.knative.dev/broker": "default"}}
    assert selected == [broker, {"matchExpressions": [functions]}, {"matchExpressions": [jobs]}]


def test_functions_reach_the_gateway_and_the_object_store_only() -> None:
    functions = [
        policy["spec"] for policy in policies().values() if "serving.knative.dev/service" in yaml.safe_dump(policy["spec"]["podSelector"])
    ]
    ways = [rule for one in functions for rule in one["egress"]]
    reached = [(port["port"], peer["podSelector"]["matchLabels"]) for rule in ways for port in rule["ports"] for peer in rule["to"]]
    assert sorted(reached, key=str) == [(8080, {"app": "gateway-internal"}), (9000, {"darkroom.dev/store": "objects"})]
    for one in functions:
        [expression] = one["podSelector"]["matchExpressions"]
        assert expression == {"key": "serving.knative.dev/service", "operator": "Exists"}


def test_jobs_reach_the_broker_too_and_nobody_reaches_them() -> None:
    jobs = [one["spec"] for one in policies().values() if set(_apps(one["spec"]["podSelector"])) == set(JOBS)]
    reached = [(rule["ports"][0]["port"], peer) for one in jobs for rule in one["egress"] for peer in rule["to"]]
    ingresses = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "knative-eventing"}}},
        {"podSelector": {"matchLabels": {"eventing.knative.dev/broker": "default"}}},
    ]
    objects = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"darkroom.dev/store": "objects"}}}
    internal = {"podSelector": {"matchLabels": {"app": "gateway-internal"}}}
    assert sorted(reached, key=str) == sorted([(8080, internal), *((8080, peer) for peer in ingresses), (9000, objects)], key=str)
    assert all("ingress" not in one for one in jobs)


@pytest.mark.parametrize(
    ("combination", "url"),
    [
        (("overlays/dev", ()), "http://broker-ingress.knative-eventing.svc.cluster.local/darkroom/default"),
        (("overlays/dev", ("kafka-broker",)), "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/darkroom/default"),
        (("overlays/prod", ()), "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/darkroom/default"),
        (("overlays/dev", ("rabbitmq-broker",)), "http://default-broker-ingress.darkroom.svc.cluster.local"),
    ],
)
def test_jobs_reply_to_the_broker_that_there_is(combination: tuple[str, tuple[str, ...]], url: str) -> None:
    """Each class of broker has an ingress of its own; a SinkBinding would know it, but a JobSink's Job has none."""
    assert of_kind(rendered(*combination), "ConfigMap")["darkroom"]["data"]["BROKER_URL"] == url


def test_every_pod_that_a_policy_names_is_there() -> None:
    objects = rendered("overlays/dev", ("network-policies",))
    apps = {template.get("metadata", {}).get("labels", {}).get("app") for template in pods(objects).values()}
    named = {app for policy in policies().values() for app in _apps(policy["spec"])}
    assert len(named) == 6
    assert named <= apps


def _apps(value: Any) -> Iterator[str]:
    """Every `app` that the selectors in a spec name."""
    if isinstance(value, list):
        for item in value:
            yield from _apps(item)
    elif isinstance(value, dict):
        if value.get("key") == "app":
            yield from value["values"]
        for key, item in value.items():
            yield from [item] if key == "app" else _apps(item)
