"""Every overlay with every component is valid by the schemas of Kubernetes 1.34 and Knative 1.23."""

import copy
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.manifests.schemas import Schemas, download, faults, load
from tests.rendering import COMBINATIONS, rendered


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Schemas:
    if shutil.which("go") is None:
        if os.environ.get("CI"):
            pytest.fail("no go on PATH")
        pytest.skip("no go on PATH: the schemas are in Go modules")
    folder: Path = tmp_path_factory.mktemp("go")
    return load(download(folder))


@pytest.mark.parametrize(("overlay", "components"), COMBINATIONS, ids=lambda one: one if isinstance(one, str) else "+".join(one) or "alone")
def test_valid(schemas: Schemas, overlay: str, components: tuple[str, ...]) -> None:
    assert [fault for document in rendered(overlay, components) for fault in faults(schemas, document)] == []


def test_nothing_is_taken_on_trust(schemas: Schemas) -> None:
    kinds = {(one["apiVersion"], one["kind"]) for combination in COMBINATIONS for one in rendered(*combination)}
    assert kinds - schemas.keys() == set()


WRONG: dict[str, tuple[str, tuple[str | int, ...], Any]] = {
    "a misspelt timeout": ("serving.knative.dev/v1", ("spec", "template", "spec", "timeoutSecond"), 5),
    "a misspelt probe": ("apps/v1", ("spec", "template", "spec", "containers", 0, "readyProbe"), {}),
    "a port as text": ("apps/v1", ("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "http"),
    "a misspelt way": ("networking.k8s.io/v1", ("spec", "egres"), []),
    "a misspelt port of a monitor": ("monitoring.coreos.com/v1", ("spec", "podMetricsEndpoints", 0, "portNumer"), 8080),
    "a number of retries as text": ("eventing.knative.dev/v1", ("spec", "delivery", "retry"), "six"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_cluster_refuses_is_seen(schemas: Schemas, wrong: str) -> None:
    version, path, value = WRONG[wrong]
    documents = rendered("overlays/prod", ("gpu", "monitoring"))
    document = copy.deepcopy(next(one for one in documents if one["apiVersion"] == version and one["metadata"]["name"] != "default-deny"))
    assert faults(schemas, document) == []
    *folders, last = path
    inner: Any = document
    for step in folders:
        inner = inner[step]
    inner[last] = value
    [fault] = faults(schemas, document)
    assert str(last) in fault
