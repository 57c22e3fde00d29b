"""What is left when a platform ends, however it ends; and the whole road of an event through broker and service."""

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.local.events import EventKind, PlatformEvent
from infra.local.leftovers import processes_under
from infra.local.platform import Platform
from infra.local.values import Values

from .conftest import Running, get, wait_for

_BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: demo}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: echo, namespace: demo}
spec:
  broker: default
  subscriber:
    ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: echo}
    uri: "/?out=OUT_FILE"
---
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: echo, namespace: demo}
spec:
  subject: {apiVersion: serving.knative.dev/v1, kind: Service, name: echo}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
"""


def _processes_of(data: Path) -> list[int]:
    return processes_under(data / "run" / "tmp")


def _accepts(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_leaves_nothing(number: signal.Signals, start_platform: Callable[[], Running]) -> None:
    running = start_platform()
    assert len(_processes_of(running.data)) >= 3  # a gunicorn master, its worker, the Deployment's process
    running.process.send_signal(number)
    assert running.process.wait(20) == 0
    assert _processes_of(running.data) == []
    assert not any(_accepts(url) for url in running.urls["services"].values())
    assert [path.name for path in (running.data / "run").iterdir()] == ["lock"]


def test_killed_platform_leaves_no_process_and_can_be_followed(start_platform: Callable[[], Running]) -> None:
    first = start_platform()
    first.process.kill()
    first.process.wait()
    wait_for(lambda: not _processes_of(first.data), 10, "children gone with their parent")
    second = start_platform()
    assert get(second.service("echo")).status == 200
    second.process.terminate()
    assert second.process.wait(20) == 0


def test_next_platform_ends_what_a_killed_one_left(start_platform: Callable[[], Running]) -> None:
    first = start_platform()
    threading.Thread(target=lambda: _get_or_broken(first.service("echo") + "?sleep_s=20")).start()
    wait_for(lambda: get(first.urls["metrics"] + "/instances").json["echo"]["in_flight"] == 1, 5, "a long request at work")
    first.process.kill()
    first.process.wait()
    left = _processes_of(first.data)
    assert left  # gunicorn lets its worker finish
    second = start_platform()
    assert not set(left) & set(_processes_of(second.data))
    second.process.terminate()
    assert second.process.wait(20) == 0


_DISPATCHED = "kn_eventing_dispatch_duration_seconds_count"


def test_event_goes_through_broker_to_service(manifests: Path, tmp_path: Path, database_url: str) -> None:
    out, events = tmp_path / "out.txt", list[PlatformEvent]()
    (tmp_path / "broker.yaml").write_text(_BROKER.replace("OUT_FILE", str(out)))
    values = Values(database_url=database_url, secrets={"keys": {"one": "s3cret"}})

    async def scenario() -> None:
        platform = Platform([manifests / "all.yaml", tmp_path / "broker.yaml"], tmp_path / "data", values, events.append)
        await platform.start()
        try:
            assert await platform.wait_ready(30) == []
            status = await asyncio.to_thread(_publish, platform.urls["brokers"]["demo/default"], "first")
            assert status == 202
            await asyncio.to_thread(wait_for, out.exists, 10, "the event at the function")
            await asyncio.to_thread(wait_for, lambda: _DISPATCHED in platform.metrics(), 10, "the delivery in the metrics")
        finally:
            await platform.stop()

    asyncio.run(scenario())
    assert out.read_text() == "first\n"
    assert [event.kind for event in events if event.name == "listener"] == [EventKind.STARTED, EventKind.STOPPED]


def _get_or_broken(url: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        get(url)


def _publish(url: str, event_id: str) -> int:
    headers = {"ce-id": event_id, "ce-source": "/test", "ce-type": "t", "ce-specversion": "1.0", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers, method="POST"), timeout=10) as response:
        return int(response.status)


def test_unsupported_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}}))
    argv = [sys.executable, "-m", "infra.local", str(tmp_path / "job.yaml"), "--data", str(tmp_path / "data")]
    refused = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert refused.returncode == 1
    assert refused.stderr == "error: Job default/once: the local platform does not run batch/v1 Job\n"


def test_crash_loop_is_told_with_its_last_words(tmp_path: Path) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "broken"},
        "spec": {"template": {"spec": {"containers": [{"command": ["python"], "args": ["-c", "raise SystemExit('no luck today')"]}]}}},
    }
    (tmp_path / "broken.yaml").write_text(json.dumps(deployment))
    events: list[PlatformEvent] = []

    async def scenario() -> None:
        platform = Platform([tmp_path / "broken.yaml"], tmp_path / "data", Values(), events.append)
        await platform.start()
        try:
            await asyncio.to_thread(wait_for, lambda: any(e.kind is EventKind.CRASH_LOOP for e in events), 10, "a crash loop")
        finally:
            await platform.stop()

    asyncio.run(scenario())
    loop = next(event for event in events if event.kind is EventKind.CRASH_LOOP)
    assert "ended with status 1" in loop.reason
    assert "no luck today" in loop.reason
