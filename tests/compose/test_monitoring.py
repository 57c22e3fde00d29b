"""The monitoring profile of infra/compose.yaml, once something has happened there. tests/compose/run.sh says where: PROMETHEUS_URL is its
Prometheus, FUNCTIONS how many containers of functions there are."""

import os
import time

import pytest
import yaml

from tests.acceptance.system import eventually
from tests.monitoring.dashboards import filled_in, queries
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.test_rules import RULES

SINCE_S = 3600
"""How far back a panel looks, as both dashboards do: the work may have ended a while ago."""


@pytest.fixture(scope="session")
def prometheus() -> Prometheus:
    if "PROMETHEUS_URL" not in os.environ:
        pytest.skip("no PROMETHEUS_URL: make compose-test sets it")
    return Prometheus(url=os.environ["PROMETHEUS_URL"])


def test_every_target_is_up(prometheus: Prometheus) -> None:
    expected = {"gateway": 3, "broker": 1, "functions": int(os.environ["FUNCTIONS"])}
    eventually(lambda: counted(prometheus, "health"), lambda found: found == {(job, "up"): count for job, count in expected.items()}, 60)


def counted(prometheus: Prometheus, key: str) -> dict[tuple[str, str], int]:
    """How many targets each job has, by what Prometheus says of them under this key."""
    found: dict[tuple[str, str], int] = {}
    for target in prometheus.targets():
        of = target["labels"]["job"], target[key]
        found[of] = found.get(of, 0) + 1
    return found


def test_more_than_one_of_the_scaled_works(prometheus: Prometheus) -> None:
    """tests/compose/run.sh asks for three containers of transcode; their name leads to each in turn."""
    working = 'count(sum by (instance) (darkroom_function_deliveries_total{operation="transcode"}) > 0)'
    assert max(eventually(lambda: prometheus.values(working, time.time() - 60, step_s=15), bool, 60)) > 1


def test_every_rule_is_loaded_and_evaluated(prometheus: Prometheus) -> None:
    written = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    loaded = eventually(prometheus.rules, lambda rules: all(rule["health"] != "unknown" for rule in rules), 60)
    assert {rule["name"] for rule in loaded} == written
    assert {rule["name"]: rule.get("lastError") for rule in loaded if rule["health"] != "ok"} == {}


def test_nothing_that_stands_still_is_alerted(prometheus: Prometheus) -> None:
    """A system that just ran the acceptance tests answers, relays and waits for nobody."""
    firing = {rule["name"] for rule in prometheus.rules() if rule["state"] == "firing"}
    assert not firing & {
        "DarkroomOutboxStuck",
        "DarkroomQueueOld",
        "DarkroomDependencyDown",
        "DarkroomGatewayUnwatched",
        "DarkroomWorkerUnwatched",
    }


@pytest.mark.parametrize("expression", [*queries("pipeline", autoscaled=False), *queries("knative", everywhere=True, autoscaled=False)])
def test_the_panels_have_data(prometheus: Prometheus, expression: str) -> None:
    """With the $__rate_interval that Grafana makes of a scrape each 15 s: four of them."""
    asked = filled_in(expression, rate_interval="1m")
    assert eventually(lambda: prometheus.values(asked, time.time() - SINCE_S, step_s=15), bool, 30)
