"""The Knative dashboard's queries over what a real Knative publishes: names and labels as its own processes write them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.system import REPOSITORY, Darkroom, eventually
from tests.cluster.kubectl import get
from tests.monitoring.dashboards import filled_in, queries
from tests.monitoring.prometheus import Prometheus, scraping

KNATIVES = {"knative-serving": ("autoscaler", "activator"), "knative-eventing": ("imc-dispatcher", "mt-broker-filter", "mt-broker-ingress")}
PORTS = {"mt-broker-filter": 9092, "mt-broker-ingress": 9092}
QUEUE_PROXY = 9091
ROUNDS = 3
"""Of work, each with a scrape behind it: a rate is between two samples, and a series that is new has no first one."""


def addresses(space: str) -> dict[str, list[str]]:
    """Of the pods that run, by their Deployment's name."""
    found: dict[str, list[str]] = {}
    for pod in get("pods", namespace=space)["items"]:
        if pod["status"]["phase"] == "Running":
            name = pod["metadata"]["name"].rsplit("-", 2)[0]
            found.setdefault(name, []).append(pod["status"]["podIP"])
    return found


def scrape_configs() -> list[dict[str, Any]]:
    """Knative's own pods, and the queue-proxy of each function's that is awake, under its Service's name as the PodMonitors have it."""
    knatives = [
        f"{ip}:{PORTS.get(name, 9090)}" for space, names in KNATIVES.items() for name in names for ip in addresses(space).get(name, ())
    ]
    awake = [
        {"targets": [f"{pod['status']['podIP']}:{QUEUE_PROXY}"], "labels": {"serving_knative_dev_service": service}}
        for pod in get("pods")["items"]
        if (service := pod["metadata"]["labels"].get("serving.knative.dev/service")) and pod["status"]["phase"] == "Running"
    ]
    assert awake, "no function is awake"
    return [{"job_name": "knative", "static_configs": [{"targets": knatives}]}, {"job_name": "queue-proxy", "static_configs": awake}]


@pytest.fixture(scope="module")
def scraped(system: Darkroom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, float]]:
    """A Prometheus that saw some work, and since when (epoch seconds)."""
    body = (REPOSITORY / "sample_data" / "cat.png").read_bytes()

    def work(number: int) -> None:  # new bytes each time: the same ones are one work
        path = f"/media?filename=cat-{number}.png&operations=thumbnail"
        document = system.call("POST", path, status=201, body=body + number.to_bytes(2, "big"))
        assert system.job_of(document["media_id"])["state"] == "done"

    work(0)
    with scraping(tmp_path_factory.mktemp("prometheus"), scrape_configs()) as prometheus:
        since_s = time.time()
        for number in range(1, 1 + ROUNDS):
            work(number)
            time.sleep(5)
        yield prometheus, since_s


@pytest.mark.parametrize("expression", queries("knative"))
def test_the_panels_have_data(scraped: tuple[Prometheus, float], expression: str) -> None:
    prometheus, since_s = scraped
    assert eventually(lambda: prometheus.values(filled_in(expression, rate_interval="20s"), since_s), bool, 15)
