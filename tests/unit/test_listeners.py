"""Who listens where: probes, Services, monitors and network policies lead to a port that something listens on, and no door leads to the
gateway's internal listener from outside."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.rendering import COMBINATIONS, Object, containers, of_kind, pods, rendered

QUEUE_PROXY = {8012, 8013, 8112, 9090, 9091}  # requests, with TLS; metrics of requests and of its own
FUNCTIONS = {8080}  # PORT, which Knative gives
ELSEWHERE = {"knative-eventing": {8080}, "knative-serving": {9090}, "kube-system": {53}}  # what others' pods listen on, that ours ask
DOORS = {"Ingress", "IngressRoute", "Route", "DomainMapping", "Gateway", "HTTPRoute", "TCPRoute", "TLSRoute", "VirtualService"}


@pytest.fixture(params=COMBINATIONS, ids=lambda one: "+".join((one[0], *one[1])))
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    return rendered(*request.param)


def listened(template: Object) -> set[int]:
    return {port["containerPort"] for one in template["spec"]["containers"] for port in one.get("ports", ())}


def listeners(objects: tuple[Object, ...]) -> Iterator[tuple[str, dict[str, str], set[int]]]:
    """(name, labels, ports) of every pod, as a cluster labels it."""
    services = of_kind(objects, "Service", "serving.knative.dev")
    for name, template in pods(objects).items():
        labels = template.get("metadata", {}).get("labels", {})
        if name in services:
            yield name, {**labels, "serving.knative.dev/service": name}, FUNCTIONS | QUEUE_PROXY
        else:
            yield name, labels, listened(template)


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Kubernetes' label selectors, as far as ours go."""
    expressions = selector.get("matchExpressions", ())
    assert all(one["operator"] in ("In", "Exists") for one in expressions)
    found = (labels.get(one["key"]) in one["values"] if one["operator"] == "In" else one["key"] in labels for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(found)


def test_services_and_probes_lead_to_a_port_that_is_listened_on(objects: tuple[Object, ...]) -> None:
    templates = [one["spec"]["template"] for one in of_kind(objects, "Deployment").values()]
    for name, service in of_kind(objects, "Service", "v1").items():
        if "serving" in service["apiVersion"]:
            continue
        [template] = [one for one in templates if service["spec"]["selector"].items() <= one["metadata"]["labels"].items()]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= listened(template), name
    for container in containers(objects):
        ports = {port["containerPort"] for port in container.get("ports", ())}
        given = {entry["name"]: entry.get("value") for entry in container.get("env", ())}
        probes = [container[kind] for kind in ("readinessProbe", "livenessProbe") if kind in container]
        assert {probe["httpGet"]["port"] for probe in probes if "httpGet" in probe} <= ports
        assert "PORT" not in given or not ports or int(given["PORT"]) in ports


def test_every_process_that_stays_is_asked_how_it_is(objects: tuple[Object, ...]) -> None:
    for name in of_kind(objects, "Deployment").keys() | of_kind(objects, "Service", "serving.knative.dev").keys():
        [container] = pods(objects)[name]["spec"]["containers"]
        assert container.keys() & {"readinessProbe", "livenessProbe"}, name


def test_a_function_is_ready_when_it_accepts_connections(objects: tuple[Object, ...]) -> None:
    """functions-framework answers GET / of an event function with 405: asked by HTTP, it would never be ready."""
    for name, service in of_kind(objects, "Service", "serving.knative.dev").items():
        [container] = service["spec"]["template"]["spec"]["containers"]
        assert container["readinessProbe"].keys() == {"tcpSocket"}, name


def test_metrics_are_where_the_annotation_says(objects: tuple[Object, ...]) -> None:
    """METRICS_PORT, where there is one, is the port named so, and what Prometheus is told; else it is the one that the pod listens on."""
    services = of_kind(objects, "Service", "serving.knative.dev")
    told = 0
    for name, template in pods(objects).items():
        [container] = template["spec"]["containers"]
        variables = {entry["name"]: entry.get("value") for entry in container.get("env", ())}
        named = [port["containerPort"] for port in container.get("ports", ()) if port.get("name") == "metrics"]
        assert named == ([int(variables["METRICS_PORT"])] if "METRICS_PORT" in variables else []), name
        annotations = template.get("metadata", {}).get("annotations", {})
        if "prometheus.io/port" in annotations:
            told += 1
            assert {int(annotations["prometheus.io/port"])} == set(named or (FUNCTIONS if name in services else listened(template))), name
    assert told == len(services) + 3  # the functions and the gateway's three


def test_monitors_scrape_where_the_annotation_says() -> None:
    objects = rendered("overlays/dev", ("monitoring",))
    ours = {name: one["spec"] for name, one in of_kind(objects, "PodMonitor").items() if "namespaceSelector" not in one["spec"]}
    scraped: dict[str, set[int]] = {}
    for spec in ours.values():
        chosen = [name for name, labels, _ in listeners(objects) if selects(spec["selector"], labels)]
        assert chosen
        for name in chosen:
            scraped.setdefault(name, set()).update(endpoint["portNumber"] for endpoint in spec["podMetricsEndpoints"])
    services = of_kind(objects, "Service", "serving.knative.dev")
    for name, template in pods(objects).items():
        port = template.get("metadata", {}).get("annotations", {}).get("prometheus.io/port")
        queue_proxy = {9091} if name in services else set()
        assert scraped.get(name, set()) == ({int(port)} if port else set()) | queue_proxy, name


def test_each_way_of_a_policy_leads_to_a_listener(objects: tuple[Object, ...]) -> None:
    there = list(listeners(objects))
    for name, policy in of_kind(objects, "NetworkPolicy").items():
        spec = policy["spec"]
        for rule in spec.get("ingress", ()):
            chosen = [ports for _, labels, ports in there if selects(spec["podSelector"], labels)]
            wanted = {port["port"] for port in rule["ports"]}
            assert all(wanted <= ports for ports in chosen), name
        for rule in spec.get("egress", ()):
            for peer in rule["to"]:
                for ports in asked(peer, there):
                    assert {port["port"] for port in rule["ports"]} <= ports, name


def asked(peer: Object, there: list[tuple[str, dict[str, str], set[int]]]) -> Iterator[set[int]]:
    """What each of those listens on whom a way out leads to; nothing is known of addresses."""
    space = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
    if space is not None:
        yield ELSEWHERE[space]
    elif "podSelector" in peer:
        yield from (ports for _, labels, ports in there if selects(peer["podSelector"], labels))


def test_each_policy_is_somebodys() -> None:
    objects = rendered("overlays/dev", ("network-policies",))
    for name, policy in of_kind(objects, "NetworkPolicy").items():
        assert any(selects(policy["spec"]["podSelector"], labels) for _, labels, _ in listeners(objects)), name


def test_no_door_leads_to_the_internal_listener(objects: tuple[Object, ...]) -> None:
    """It takes the broker's events and the functions' claims at their word."""
    labels = pods(objects)["gateway-internal"]["metadata"]["labels"]
    for one in objects:
        assert one["kind"] not in DOORS or "gateway-internal" not in yaml.safe_dump(one)
        if (one["apiVersion"], one["kind"]) == ("v1", "Service") and one["spec"]["selector"].items() <= labels.items():
            assert one["spec"].get("type", "ClusterIP") == "ClusterIP"
            assert "externalIPs" not in one["spec"]
    for template in pods(objects).values():
        assert "hostNetwork" not in template["spec"]
    assert not any("hostPort" in port for one in containers(objects) for port in one.get("ports", ()))
    for service in of_kind(objects, "Service", "serving.knative.dev").values():
        assert service["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"


def test_production_denies_by_default_and_guards_the_internal_listener() -> None:
    ours = of_kind(rendered("overlays/prod", ()), "NetworkPolicy")
    assert {"default-deny", "gateway-internal"} <= ours.keys()
    assert ours == of_kind(rendered("overlays/dev", ("network-policies",)), "NetworkPolicy")


def test_selectors_are_understood() -> None:
    """What the tests above rest on."""
    one_of: dict[str, Any] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}
    assert selects(one_of, {"app": "b"})
    assert not selects(one_of, {"app": "c"})
    assert selects({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, {"app": "c"})
    assert not selects({"matchLabels": {"app": "a"}}, {})
    assert selects({}, {})
