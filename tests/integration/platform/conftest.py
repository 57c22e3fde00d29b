"""A platform of its own: two services and a Deployment, all real processes, run by `python -m infra.local`."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_FUNCTION = """
import os, threading, time
import functions_framework

lock, active, most = threading.Lock(), 0, 0

@functions_framework.http
def handle(request):
    global active, most
    with lock:
        active += 1
        most = max(most, active)
    time.sleep(float(request.args.get("sleep_s", "0")))
    while "until" in request.args and not os.path.exists(request.args["until"]):
        time.sleep(0.01)
    with lock:
        active -= 1
    if "out" in request.args:
        with open(request.args["out"], "a") as file:
            file.write(request.headers.get("ce-id", "") + "\\n")
        return "", 204
    if "size" in request.args:
        return b"x" * int(request.args["size"])
    return {"pid": os.getpid(), "most": most, "env": dict(os.environ), "bytes": len(request.get_data())}
"""

_MANIFESTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: config-autoscaler, namespace: knative-serving}
data: {scale-to-zero-grace-period: 1s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: addresses, namespace: demo}
data: {PARTNER: "http://listener.demo.svc.cluster.local/in"}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: echo, namespace: demo}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/window: 6s
        autoscaling.knative.dev/max-scale: "2"
    spec:
      containerConcurrency: 2
      timeoutSeconds: 3
      containers:
        - name: echo
          command: [gunicorn]
          args: ["--bind=$(HOST):$(PORT)", --workers=1, --threads=8, --timeout=0, "functions_framework:create_app()"]
          env:
            - {name: FUNCTION_SOURCE, value: FUNCTION_FILE}
            - {name: FUNCTION_TARGET, value: handle}
            - {name: FUNCTION_SIGNATURE_TYPE, value: http}
            - name: SECRET
              valueFrom: {secretKeyRef: {name: keys, key: one}}
          envFrom:
            - configMapRef: {name: addresses}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: listener, namespace: demo}
spec:
  selector: {matchLabels: {app: listener}}
  template:
    metadata: {labels: {app: listener}}
    spec:
      containers:
        - name: listener
          command: [python]
          args: [-m, http.server, "$(PORT)", --bind, "$(HOST)"]
          ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: listener, namespace: demo}
spec: {selector: {app: listener}, ports: [{port: 80, targetPort: 8080}]}
"""


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of manifests whose service runs the function above."""
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "main.py").write_text(_FUNCTION)
    (folder / "all.yaml").write_text(_MANIFESTS.replace("FUNCTION_FILE", str(folder / "main.py")))
    (folder / "values.json").write_text(json.dumps({"secrets": {"keys": {"one": "s3cret"}}}))
    return folder


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def get(url: str, body: bytes | None = None) -> Answer:
    """GET, or POST when there is a body."""
    try:
        with urllib.request.urlopen(url, body, timeout=30) as response:
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())


def get_all(urls: list[str]) -> list[Answer]:
    """All at the same time."""
    with ThreadPoolExecutor(len(urls)) as pool:
        return list(pool.map(get, urls))


def wait_for(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Running:
    """A platform process and what it published."""

    process: subprocess.Popen[str]
    data: Path
    urls: dict[str, Any]
    output: Path

    def service(self, name: str) -> str:
        return str(self.urls["services"][name])

    def instances(self, name: str) -> list[dict[str, Any]]:
        rows = get(self.urls["metrics"] + "/instances").json
        return list(rows[name]["instances"])

    def ready(self, name: str) -> list[int]:
        return [row["pid"] for row in self.instances(name) if row["state"] == "ready"]


def _run_platform(manifests: Path, data: Path) -> Running:
    output = data.with_suffix(".out")
    argv = [
        sys.executable,
        "-m",
        "infra.local",
        str(manifests / "all.yaml"),
        "--data",
        str(data),
        "--values",
        str(manifests / "values.json"),
    ]
    with output.open("w") as file:
        process = subprocess.Popen(argv, stdout=file, stderr=file, text=True)
    published = data / "run" / "platform.json"

    def is_up() -> bool:  # a killed platform leaves its own file there until the next one holds the folder
        return published.exists() and json.loads(published.read_text())["pid"] == process.pid

    wait_for(lambda: process.poll() is not None or is_up(), 30, "platform.json")
    assert process.poll() is None, output.read_text()
    running = Running(process, data, json.loads(published.read_text()), output)
    wait_for(lambda: bool(running.ready("echo") and running.ready("listener")), 30, "ready")
    return running


@pytest.fixture
def start_platform(manifests: Path, tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Starts a platform on this test's own folder, again after another has ended; none survives the test."""
    started: list[Running] = []

    def start() -> Running:
        started.append(_run_platform(manifests, tmp_path / "data"))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


@pytest.fixture(scope="module")
def platform(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = _run_platform(manifests, tmp_path_factory.mktemp("platform") / "data")
    yield running
    running.process.terminate()
    assert running.process.wait(30) == 0, running.output.read_text()
