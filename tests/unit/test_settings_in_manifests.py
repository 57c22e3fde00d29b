"""Each variable that a container is given is read by somebody in it, and each that it cannot start without is given.

Settings ignore what they do not know (`extra="ignore"`: a container has the whole ConfigMap), so a name written wrong is nobody's error.
"""

import re

import pytest

from functions.runtime.settings import Settings as FunctionSettings
from gateway.settings import Settings as GatewaySettings
from infra.bucket_source.settings import Settings as BucketSourceSettings
from infra.cli.init import InitSettings
from schemas.catalogue import CATALOGUE
from tests.rendering import COMBINATIONS, Object, containers, of_kind, pods, rendered

SETTINGS = {
    "gateway": GatewaySettings,
    "gateway-internal": GatewaySettings,
    "gateway-worker": GatewaySettings,
    "bucket-source": BucketSourceSettings,
    "darkroom-init": InitSettings,
}
SECRET = {"DATABASE_URL", "OBJECT_STORE_URL", "ATTEMPT_TOKEN_KEY", "WEBHOOK_TOKEN"}  # that base asks for
OF_FUNCTIONS = {"FUNCTION_SOURCE", "FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE"} | set(
    re.findall(r"[A-Z]+_[A-Z_]+", FunctionSettings.__doc__ or "")
)


@pytest.fixture(params=COMBINATIONS, ids=lambda one: "+".join((one[0], *one[1])))
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    return rendered(*request.param)


def container_of(objects: tuple[Object, ...], name: str) -> Object | None:
    template = pods(objects).get(name)
    if template is None:
        return None
    [container] = template["spec"]["containers"]
    return dict(container)


def written(objects: tuple[Object, ...], container: Object) -> set[str]:
    """The variables that the manifests name: its own, and those of the config maps that it is given whole."""
    whole = [ref["configMapRef"]["name"] for ref in container.get("envFrom", ()) if "configMapRef" in ref]
    maps = of_kind(objects, "ConfigMap")
    return {entry["name"] for entry in container.get("env", ())}.union(*(maps[name].get("data", {}) for name in whole))


def asked_by_name(objects: tuple[Object, ...]) -> set[str]:
    """Keys of config maps that a container asks for one by one: functions' and jobs' addresses, which the gateway is given unasked."""
    sources = [entry.get("valueFrom", {}) for container in containers(objects) for entry in container.get("env", ())]
    return {source["configMapKeyRef"]["key"] for source in sources if "configMapKeyRef" in source}


def expanded(container: Object) -> set[str]:
    """The variables that its own command line has, such as $(PORT)."""
    return set(re.findall(r"\$\((\w+)\)", " ".join([*container["command"], *container["args"]])))


def fields(name: str, *, required: bool = False) -> set[str]:
    return {field.upper() for field, info in SETTINGS[name].model_fields.items() if info.is_required() or not required}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_or_in_the_command(objects: tuple[Object, ...], name: str) -> None:
    container = container_of(objects, name)
    if container is not None:
        assert written(objects, container) - expanded(container) - asked_by_name(objects) <= fields(name)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_must_be_set_is(objects: tuple[Object, ...], name: str) -> None:
    container = container_of(objects, name)
    if container is None:
        return  # base leaves the stores, and so their init, to its overlays
    secret = SECRET if {"secretRef": {"name": "darkroom"}} in container.get("envFrom", ()) else set()
    bound = {one["spec"]["subject"]["name"] for one in of_kind(objects, "SinkBinding").values()}
    given = written(objects, container) | secret | ({"K_SINK"} if name in bound else set())
    needed = fields(name, required=True) | ({"K_SINK"} if name == "gateway-worker" else set())
    assert needed | expanded(container) <= given


def test_every_deployment_of_ours_is_looked_at(objects: tuple[Object, ...]) -> None:
    assert of_kind(objects, "Deployment").keys() - {"postgres", "minio"} <= SETTINGS.keys()


@pytest.mark.parametrize("name", [*CATALOGUE, *(f"{name}-job" for name, operation in CATALOGUE.items() if operation.job_deadline_s)])
def test_a_functions_variables_are_its_runtimes(objects: tuple[Object, ...], name: str) -> None:
    container = container_of(objects, name)
    assert container is not None
    named = written(objects, container) - expanded(container)
    assert {"OBJECT_STORE_URL", "GATEWAY_INTERNAL_URL"} <= named
    assert named <= OF_FUNCTIONS | ({"K_SINK"} if name.endswith("-job") else set())
    assert expanded(container) - {"PORT"} <= written(objects, container)  # which Knative gives
