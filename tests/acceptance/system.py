"""The whole system, started as a person starts it or found by its URL, and driven over HTTP alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

REPOSITORY = Path(__file__).resolve().parents[2]
ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Darkroom:
    """A running Darkroom, known by its gateway's URL alone: on this machine, in containers, on a cluster."""

    gateway: str
    key: str | None = None
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=30, maxsize=16))

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> urllib3.BaseHTTPResponse:
        """The gateway's answer, asked with the key; the store's URLs are asked by `http`, which has none."""
        key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return self.http.request(method, self.gateway + path, headers={**key, **(headers or {})}, **more)

    def call(self, method: str, path: str, *, status: int = 200, **more: Any) -> Any:
        answer = self.ask(method, path, **more)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.data[:500]!r}"
        return json.loads(answer.data) if answer.data else None

    def upload(self, path: Path, operations: Sequence[str] = ("none",)) -> str:
        with path.open("rb") as file:
            document = self.call("POST", f"/media?filename={path.name}&operations={','.join(operations)}", status=201, body=file)
        return str(document["media_id"])

    def media(self, media_id: str) -> Any:
        return self.call("GET", f"/media/{media_id}")

    def judged(self, media_id: str, timeout_s: float = 60) -> Any:
        return eventually(lambda: self.media(media_id), lambda m: m["state"] in ("accepted", "rejected", "failed"), timeout_s)

    def job_of(self, media_id: str, timeout_s: float = 120) -> Any:
        """The media's newest job, once it has ended."""
        listed = eventually(
            lambda: self.call("GET", f"/jobs?media_id={media_id}&limit=1")["jobs"],
            lambda jobs: bool(jobs) and jobs[0]["state"] in ENDED,
            timeout_s,
        )
        return listed[0]

    def run(self, media_id: str, operations: Sequence[Any], timeout_s: float = 120) -> Any:
        """A job for these operations, once it has ended."""
        job = self.call("POST", "/jobs", status=202, json={"media_id": media_id, "operations": list(operations)})
        return eventually(lambda: self.call("GET", f"/jobs/{job['job_id']}"), lambda j: j["state"] in ENDED, timeout_s)

    def artifact(self, job: Any, path: Path, operation: str | None = None) -> Any:
        """The first artifact of a done job, fetched to `path` by its URL."""
        task = next(task for task in job["tasks"] if operation in (None, task["operation"]))
        assert task["state"] == "done", task
        artifact = task["artifacts"][0]
        answer = self.http.request("GET", artifact["url"])
        assert answer.status == 200
        path.write_bytes(answer.data)
        return artifact


@dataclass(frozen=True, kw_only=True)
class System(Darkroom):
    """One that `darkroom up` runs on this machine."""

    broker: str
    metrics: str
    pid: int
    data: Path

    def instances(self) -> Any:
        return json.loads(self.http.request("GET", self.metrics + "/instances").data)


def eventually(ask: Callable[[], Any], good: Callable[[Any], bool], timeout_s: float) -> Any:
    """Asks until the answer is good; fails with the last one."""
    deadline_s = time.monotonic() + timeout_s
    while not good(last := ask()):
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {last}"
        time.sleep(0.05)
    return last


@contextmanager
def running(
    data: Path, *, port: int = 0, manifests: Path | None = None, options: Sequence[str] = (), **environment: str
) -> Iterator[System]:
    """`darkroom up` in a process of its own."""
    data.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "infra.cli.main", "up", "--port", str(port), "--data", str(data)]
    argv += [*(["--manifests", str(manifests)] if manifests else []), *options]
    with (data / "up.log").open("a") as log:
        process = subprocess.Popen(
            argv, cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT, env=os.environ | environment, start_new_session=True
        )
    where = data / "run" / "darkroom.json"
    try:
        deadline_s = time.monotonic() + 150  # its own patience is a minute, once PostgreSQL and the ledger are there
        while not where.exists():
            assert process.poll() is None, (data / "up.log").read_text()[-3000:]
            assert time.monotonic() < deadline_s, (data / "up.log").read_text()[-3000:]
            time.sleep(0.05)
        said = json.loads(where.read_text())
        yield System(gateway=said["gateway"], broker=said["broker"], metrics=said["metrics"], pid=said["pid"], data=data)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0
