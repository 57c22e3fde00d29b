"""A real Prometheus, for a test's length."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.acceptance.system import eventually


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """Its HTTP API."""

    url: str

    def values(self, query: str, since_s: float, step_s: int = 1) -> list[float]:
        """Every value that a graph of this query would show from then (epoch seconds) to now; NaN left out."""
        words = urlencode({"query": query, "start": since_s, "end": time.time(), "step": step_s})
        series = self._get(f"/api/v1/query_range?{words}")["result"]
        numbers = [float(value) for each in series for _, value in each["values"]]
        return [number for number in numbers if number == number]

    def is_up(self, job: str) -> bool:
        words = urlencode({"query": f'up{{job="{job}"}} == 1'})
        return bool(self._get(f"/api/v1/query?{words}")["result"])

    def targets(self) -> list[dict[str, Any]]:
        """Those that are scraped, each with its labels, `health` and `lastError`."""
        found: list[dict[str, Any]] = self._get("/api/v1/targets?state=active")["activeTargets"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Of all groups, each with its `name`, `health` and `state`."""
        return [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str) -> Any:
        with urlopen(self.url + path, timeout=10) as answer:
            document = json.load(answer)
        assert document["status"] == "success"
        return document["data"]


def tool(name: str) -> str:
    """`prometheus` or `promtool`; skips where there is none, fails where CI is set."""
    found = shutil.which(name)
    if found is None:
        reason = f"no {name} on PATH: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def scraping(folder: Path, scrape_configs: list[dict[str, Any]]) -> Iterator[Prometheus]:
    """One that scrapes these every second."""
    config = folder / "prometheus.yaml"
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": scrape_configs}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    argv = [tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: _answers(f"http://{address}/-/ready"), bool, 30)
        yield Prometheus(url=f"http://{address}")
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
