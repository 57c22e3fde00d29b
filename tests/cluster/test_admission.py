"""What a real API server says to every overlay with every component: its own validation, Knative's webhooks, Pod Security. All by dry run.

Runs before anything is applied, in the namespace darkroom alone: a Broker that is there would refuse another class.
"""

import copy
import json
import operator
import shutil
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from tests.acceptance.system import eventually
from tests.cluster.kubectl import NOT_NOW, answer, features, kubectl
from tests.manifests.schemas import OPERATORS, download, operators
from tests.rendering import COMBINATIONS, rendered

Document = dict[str, Any]
SERVING_ALONE = {"containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds"}
FLAG_SEEN_S = 120  # a webhook reads a ConfigMap as it changes, a little later; on a busy machine much later
GPU_FLAGS = {"kubernetes.podspec-nodeselector": "enabled", "kubernetes.podspec-tolerations": "enabled"}


@pytest.fixture(scope="module", autouse=True)
def namespace(cluster: None) -> None:
    """The namespace as the overlays make it, Pod Security's label included."""
    [document] = [one for one in rendered("base", ()) if one["kind"] == "Namespace"]
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(document))
    assert answer("get", "broker", "default")[0] != 0, "this namespace has a Broker already"


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory, namespace: None) -> Iterator[None]:
    """The definitions of the operators' kinds, where the cluster has none: out of their modules, and away again."""
    if shutil.which("go") is None:
        pytest.skip(f"no go on PATH, so not asked: objects of {', '.join(OPERATORS)}")
    mine = []
    for path in operators(download(tmp_path_factory.mktemp("go"), *OPERATORS)):
        name = yaml.safe_load(path.read_text())["metadata"]["name"]
        if answer("get", "crd", name)[0] != 0:
            kubectl("apply", "--server-side", "-f", str(path))
            mine.append(name)
    if mine:
        kubectl("wait", "--for=condition=Established", "crd", *mine, "--timeout=60s")
        print(f"definitions without their operators: {', '.join(mine)}")
    yield
    if mine:
        kubectl("delete", "crd", *mine)


def dry_run(documents: list[Document]) -> list[str]:
    """What the API server refuses, a line each. Webhooks that cannot be reached are asked again."""
    said = ""
    for _ in range(20):
        text = yaml.safe_dump_all(documents)
        code, said = answer(
            "apply", "--server-side", "--force-conflicts", "--field-manager=dry-run", "--dry-run=server", "-f", "-", stdin=text
        )
        if code == 0:
            return []
        if not any(word in said for word in NOT_NOW):
            break
        time.sleep(3)
    return [line for line in said.splitlines() if line and not line.startswith("Warning:")]


def pods_of(documents: tuple[Document, ...]) -> list[Document]:
    """The pods that the templates would make: of Deployments and Jobs, of a JobSink's Job, of Knative Services but for the queue-proxy."""
    found = []
    for one in documents:
        spec = one["spec"]["job"]["spec"] if one["kind"] == "JobSink" else one.get("spec", {})
        template = spec.get("template") if isinstance(spec, dict) else None
        if not template:
            continue
        inner = {name: value for name, value in template["spec"].items() if name not in SERVING_ALONE}
        for container in inner["containers"]:  # Serving fills in the port of a probe
            container.pop("readinessProbe", None) if one["kind"] == "Service" else None
        name = f"{one['kind'].lower()}-{one['metadata']['name']}"
        found.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "darkroom"}, "spec": inner})
    return copy.deepcopy(found)


def named(one: str | tuple[str, ...]) -> str:
    return one if isinstance(one, str) else "+".join(one) or "alone"


@pytest.mark.parametrize(("overlay", "components"), [one for one in COMBINATIONS if "gpu" not in one[1]], ids=named)
def test_every_overlay_is_admitted(definitions: None, overlay: str, components: tuple[str, ...]) -> None:
    """On a cluster with no flag set."""
    documents = list(rendered(overlay, components))
    assert dry_run(documents) == []
    print(f"{overlay} {named(components)}: {len(documents)} objects admitted")


def test_the_gpu_needs_its_two_flags(namespace: None) -> None:
    """Refused without them, and with either alone, naming the field; taken with both."""
    embed = [one for one in rendered("overlays/prod", ("gpu",)) if one["kind"] == "Service" and one["metadata"]["name"] == "embed"]
    fields = {"kubernetes.podspec-nodeselector": "nodeSelector", "kubernetes.podspec-tolerations": "tolerations"}

    def missed() -> set[str]:
        return {field for field in fields.values() for line in dry_run(embed) if f".{field}" in line}

    both = set(fields.values())
    assert missed() == both
    for flag, field in fields.items():
        with features("knative-serving", **{flag: "enabled"}):
            eventually(missed, partial(operator.eq, both - {field}), FLAG_SEEN_S)
        eventually(missed, partial(operator.eq, both), FLAG_SEEN_S)


@pytest.mark.parametrize("overlay", ["overlays/dev", "overlays/prod"])
def test_every_pod_is_restricted_enough(overlay: str) -> None:
    pods = pods_of(rendered(overlay, ("gpu",)))
    assert len(pods) >= 9
    assert dry_run(pods) == []
    print(f"{overlay}: {len(pods)} pods admitted")


def test_pod_security_is_on(namespace: None) -> None:
    [pod, *_] = pods_of(rendered("overlays/prod", ()))
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    [refused] = dry_run([pod])
    assert 'violates PodSecurity "restricted' in refused


WRONG: dict[str, tuple[str, str, Any]] = {
    "Serving": ("Service", "timeoutSeconds", 601),
    "Eventing": ("Broker", "backoffDelay", "1s"),
}


@pytest.mark.parametrize("who", WRONG)
def test_knatives_webhooks_are_asked(namespace: None, who: str) -> None:
    """What only they refuse, and no schema does."""
    kind, field, value = WRONG[who]
    documents = copy.deepcopy(list(rendered("overlays/dev", ())))
    document = next(one for one in documents if one["kind"] == kind and one["apiVersion"].split("/")[0].endswith("knative.dev"))
    inner = document["spec"]["template"]["spec"] if who == "Serving" else document["spec"]["delivery"]
    inner[field] = value
    refused = dry_run([document])
    assert any("validation.webhook" in line or "denied the request" in line for line in refused), refused


@pytest.fixture(scope="module")
def gpu_flags(cluster: None) -> Iterator[None]:
    with features("knative-serving", **GPU_FLAGS):
        yield


def test_with_a_gpu_too(definitions: None, gpu_flags: None) -> None:
    """With the two flags of components/gpu. The first combination waits for the webhook to have seen them."""
    for overlay, components in (one for one in COMBINATIONS if "gpu" in one[1]):
        documents = list(rendered(overlay, components))
        assert eventually(partial(dry_run, documents), operator.not_, FLAG_SEEN_S) == []
        print(f"{overlay} {named(components)}: {len(documents)} objects admitted")
