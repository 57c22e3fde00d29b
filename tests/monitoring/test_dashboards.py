"""Every query of every panel returns data from a real Prometheus that scraped the running system, or samples under Knative's names."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from tests.acceptance.system import REPOSITORY, System, eventually
from tests.manifests.schemas import EVENTING, SERVING, download
from tests.monitoring.conftest import Watched
from tests.monitoring.dashboards import filled_in, panels, queries
from tests.monitoring.knative_samples import NAMESPACE, PAGES, exporting
from tests.monitoring.prometheus import Prometheus, scraping

SAMPLES = REPOSITORY / "sample_data"


@dataclass(frozen=True, kw_only=True)
class Scraped:
    """A Prometheus, and since when (epoch seconds) there is something to see."""

    prometheus: Prometheus
    since_s: float

    def values(self, expression: str, namespace: str = "darkroom") -> list[float]:
        """Of one panel's query, its variables as Grafana would fill them in."""
        return self.prometheus.values(filled_in(expression, rate_interval="20s", namespace=namespace), self.since_s)


@pytest.fixture(scope="module")
def scraped(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    system = watched.system
    discovery = [{"url": f"{system.metrics}/targets", "refresh_interval": "1s"}]
    with exporting() as exporter:
        # What the PodMonitors do: the service's name from the pod's label.
        pods = [{"targets": [exporter], "labels": {"serving_knative_dev_service": "probe"}}]
        samples = [{"job_name": page, "metrics_path": page, "static_configs": pods} for page in PAGES]
        with scraping(tmp_path_factory.mktemp("prometheus"), [{"job_name": "all", "http_sd_configs": discovery}, *samples]) as prometheus:
            since_s = time.time()
            eventually(lambda: prometheus.is_up("gateway-internal") and prometheus.is_up("gateway-worker"), bool, 30)
            some_work(system)
            yield Scraped(prometheus=prometheus, since_s=since_s)


def some_work(system: System) -> None:
    """Twice, with time for a scrape between: a rate is between two samples. New bytes each time: the same ones are one work."""
    for number in (1, 2):
        for name in ("cat.png", "clip.mp4", "tune.mp3"):
            body = (SAMPLES / name).read_bytes() + bytes([number])
            document = system.call("POST", f"/media?filename={name}&operations={OPERATIONS[name]}", status=201, body=body)
            if name != "tune.mp3":
                assert system.job_of(document["media_id"])["state"] == "done"
        system.judged(system.upload(SAMPLES / "broken.jpg"))
        time.sleep(2.5)


OPERATIONS = {"cat.png": "thumbnail,embed", "clip.mp4": "thumbnail", "tune.mp3": "none"}


@pytest.mark.parametrize("expression", queries("pipeline"))
def test_pipeline(scraped: Scraped, expression: str) -> None:
    assert eventually(lambda: scraped.values(expression), bool, 10)


@pytest.mark.parametrize("expression", queries("knative", everywhere=True))
def test_knative_on_one_machine(scraped: Scraped, expression: str) -> None:
    assert eventually(lambda: scraped.values(expression), bool, 10)


@pytest.mark.parametrize("expression", queries("knative"))
def test_knative_on_a_cluster(scraped: Scraped, expression: str) -> None:
    assert eventually(lambda: scraped.values(expression, NAMESPACE), bool, 10)


def test_what_has_no_data_is_seen(scraped: Scraped) -> None:
    assert scraped.values("sum(rate(darkroom_attempt_total[$__rate_interval]))") == []
    assert scraped.values('kn_revision_pods_desired{k8s_namespace_name="$namespace"}', "elsewhere") == []


def test_the_public_listener_has_no_metrics(watched: Watched) -> None:
    answer = urllib3.request("GET", f"{watched.system.gateway}/metrics", retries=False)
    assert answer.status == 404
    assert b"darkroom_" not in answer.data


def test_a_scrape_wakes_nobody(watched: Watched) -> None:
    """What is at zero is no target; and whoever is one is asked past the port that counts requests."""
    system = watched.system
    targets = json.loads(urllib3.request("GET", f"{system.metrics}/targets").data)
    running = {name for name, about in system.instances().items() if about["instances"]}
    assert {target["labels"]["job"] for target in targets} - {"platform"} <= running
    services = json.loads((system.data / "platform" / "run" / "platform.json").read_text())["services"]
    front = {urllib3.util.parse_url(services[name]).port for name in ("probe", "thumbnail", "transcode", "embed")}
    assert not front & {int(target["targets"][0].rpartition(":")[2]) for target in targets}


def test_knatives_names_are_knatives(tmp_path: Path) -> None:
    """By the sources of the versions that the manifests are held against."""
    modules = download(tmp_path)
    published = set()
    for module in (SERVING, EVENTING):
        for path in (modules[module] / "pkg").rglob("*.go"):
            published |= {name.replace(".", "_") for name in re.findall(r'"(kn\.[a-z._]+)"', path.read_text())}
    named = {name for panel in panels("knative") for target in panel["targets"] for name in re.findall(r"\bkn_\w+", target["expr"])}
    plain = {re.sub(r"(_seconds)?(_bucket|_count|_sum)$", "", name) if "duration" in name else name for name in named}
    assert plain <= published
