"""knative/ as a cluster gets it: every overlay with every component, rendered by kubectl or kustomize. Shared by tests; asserts nothing."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
KNATIVE = REPOSITORY / "knative"
COMPONENTS = tuple(sorted(path.parent.name for path in (KNATIVE / "components").glob("*/kustomization.yaml")))
IN_BOTH = ("init",)  # what each overlay lists itself
FREE = ("gpu", "monitoring", "network-policies")  # go with each other and with any broker

Object = dict[str, Any]

# What a cluster may be given: an overlay, and the components laid on it. One broker class at a time; prod has Kafka and the policies.
COMBINATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("base", ()),
    *(
        ("overlays/dev", chosen)
        for chosen in ((), *((name,) for name in COMPONENTS if name not in IN_BOTH), (*FREE, "kafka-broker"), (*FREE, "rabbitmq-broker"))
    ),
    ("overlays/prod", ()),
    ("overlays/prod", ("gpu", "monitoring")),
    ("overlays/prod", ("gpu", "monitoring", "oidc")),
)


def tool() -> list[str]:
    """The renderer's argv; skips where there is none, fails where CI is set."""
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    if kustomize := shutil.which("kustomize"):
        return [kustomize, "build"]
    reason = "neither kubectl nor kustomize on PATH"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def rendered(overlay: str, components: tuple[str, ...]) -> tuple[Object, ...]:
    """Every object of a combination: the overlay as if its own kustomization.yaml listed these components too."""
    argv = [*tool(), "--load-restrictor=LoadRestrictionsNone"]
    origin = KNATIVE / overlay
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder).resolve()

        def from_here(path: str) -> str:
            return os.path.relpath(origin / path, here)

        document = yaml.safe_load((origin / "kustomization.yaml").read_text())
        document["resources"] = [from_here(path) for path in document["resources"]]
        listed = [*document.get("components", ()), *(os.path.relpath(KNATIVE / "components" / name, origin) for name in components)]
        document["components"] = [from_here(path) for path in listed]
        document["patches"] = [{"path": from_here(patch["path"])} for patch in document.get("patches", ())]
        (here / "kustomization.yaml").write_text(yaml.safe_dump(document))
        done = subprocess.run([*argv, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr  # warnings of deprecated fields
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(objects: tuple[Object, ...], kind: str, api: str = "") -> dict[str, Object]:
    """The objects of a kind, by name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind and api in one["apiVersion"]}


def pods(objects: tuple[Object, ...]) -> dict[str, Object]:
    """Pod templates by their object's name; a JobSink's is its Job's."""
    specs = [(one["metadata"]["name"], one["spec"].get("job", one)["spec"]) for one in objects if "spec" in one]
    return {name: spec["template"] for name, spec in specs if "template" in spec}


def containers(objects: tuple[Object, ...]) -> list[Object]:
    """Every container of every pod."""
    return [container for template in pods(objects).values() for container in template["spec"]["containers"]]
