"""The dashboards that Grafana is given, as they lie there."""

import json
from typing import Any

import pytest

from tests.acceptance.system import REPOSITORY

DASHBOARDS = REPOSITORY / "infra" / "monitoring" / "grafana" / "dashboards"
ON_A_CLUSTER_ONLY = "On a cluster only."


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DASHBOARDS / f"{name}.json").read_text())["panels"]
    return found


def queries(name: str, *, everywhere: bool = False) -> list[Any]:
    """Every query of a dashboard, those that only a cluster can answer left out where it is seen everywhere."""
    chosen = [panel for panel in panels(name) if not (everywhere and panel["description"].endswith(ON_A_CLUSTER_ONLY))]
    return [pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}") for panel in chosen for target in panel["targets"]]


def filled_in(expression: str, *, rate_interval: str, namespace: str = "darkroom") -> str:
    """A query with its variables as Grafana would fill them in."""
    return expression.replace("$__rate_interval", rate_interval).replace("$namespace", namespace)
