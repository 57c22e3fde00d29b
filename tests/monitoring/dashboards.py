"""The dashboards that Grafana is given, as they lie there."""

import json
from typing import Any

import pytest

from tests.acceptance.system import REPOSITORY

DASHBOARDS = REPOSITORY / "infra" / "monitoring" / "grafana" / "dashboards"
ON_A_CLUSTER_ONLY = "On a cluster only."
OF_AN_AUTOSCALER = "kn_revision_"
"""How the metrics begin that only an autoscaler has: `darkroom up`'s or Knative's. Compose has none."""


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DASHBOARDS / f"{name}.json").read_text())["panels"]
    return found


def queries(name: str, *, everywhere: bool = False, autoscaled: bool = True) -> list[Any]:
    """Every query of a dashboard. Left out: those that only a cluster can answer where it is seen `everywhere`, those of an autoscaler
    where there is none."""
    chosen = [panel for panel in panels(name) if not (everywhere and panel["description"].endswith(ON_A_CLUSTER_ONLY))]
    asked = [(f"{panel['title']} {target['refId']}", target["expr"]) for panel in chosen for target in panel["targets"]]
    return [pytest.param(expression, id=title) for title, expression in asked if autoscaled or OF_AN_AUTOSCALER not in expression]


def filled_in(expression: str, *, rate_interval: str, namespace: str = "darkroom") -> str:
    """A query with its variables as Grafana would fill them in."""
    return expression.replace("$__rate_interval", rate_interval).replace("$namespace", namespace)
