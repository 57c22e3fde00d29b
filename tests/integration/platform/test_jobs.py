"""The JobSink's contract, as a real one was seen to keep it: real processes, made by events, through whatever dies."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.jobs.folder import JobFolder
from infra.local.jobs.record import JobRecord, Phase

from .conftest import wait_for

_PROGRAM = """
import json, os, sys, time
from pathlib import Path
folder = Path(os.environ["K_EVENT_PATH"])
event = json.loads((folder / "event").read_text())
out, data = Path(os.environ["OUT"]), event["data"]
with (out / (event["id"] + ".runs")).open("a") as runs:
    runs.write(json.dumps({"pid": os.getpid(), "env": dict(os.environ), "event": event}) + "\\n")
while data.get("until") and not (out / data["until"]).exists():
    time.sleep(0.01)
sys.exit(data.get("status", 0))
"""

_MANIFESTS = """
apiVersion: sinks.knative.dev/v1alpha1
kind: JobSink
metadata: {name: work, namespace: demo}
spec:
  job:
    spec:
      backoffLimit: 0
      LIMITS
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: work
              command: [python]
              args: [PROGRAM]
              env: [{name: OUT, value: OUT_FOLDER}]
"""


class Sink:
    """A platform with one JobSink, and what its Jobs wrote."""

    def __init__(self, folder: Path, limits: str) -> None:
        self.out, self.data, self._output = folder / "out", folder / "data", folder / "platform.out"
        self.out.mkdir()
        (folder / "program.py").write_text(_PROGRAM)
        text = _MANIFESTS.replace("PROGRAM", str(folder / "program.py")).replace("OUT_FOLDER", str(self.out))
        (folder / "all.yaml").write_text(text.replace("LIMITS", limits))
        self._manifests = folder / "all.yaml"

    def start(self) -> None:
        argv = [sys.executable, "-m", "infra.local", str(self._manifests), "--data", str(self.data)]
        with self._output.open("a") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output)
        published = self.data / "run" / "platform.json"

        def is_up() -> bool:
            return published.exists() and json.loads(published.read_text())["pid"] == self.process.pid

        wait_for(lambda: self.process.poll() is not None or is_up(), 30, "platform.json")
        assert self.process.poll() is None, self._output.read_text()
        said = json.loads(published.read_text())
        self.url, self._metrics = said["services"]["work"], said["metrics"]

    def send(self, event_id: str, data: dict[str, Any] | bytes | None = None, *, url: str | None = None, **headers: str) -> tuple[int, str]:
        """(status, Location) of an event's POST."""
        all_headers = {"ce-id": event_id, "ce-source": "/test", "ce-type": "t", "ce-specversion": "1.0", "Content-Type": "application/json"}
        body = data if isinstance(data, bytes) else json.dumps(data or {}).encode()
        return _ask(urllib.request.Request(url or self.url, body, all_headers | headers, method="POST"))

    def status(self, location: str) -> int:
        return _ask(urllib.request.Request("/".join(self.url.split("/")[:3]) + location))[0]

    def runs(self, event_id: str) -> list[dict[str, Any]]:
        path = self.out / f"{event_id}.runs"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def began(self, event_id: str) -> dict[str, Any]:
        wait_for(lambda: bool(self.runs(event_id)), 20, f"the Job of {event_id}")
        return self.runs(event_id)[0]

    def pids(self) -> list[int]:
        with urllib.request.urlopen(self._metrics + "/instances", timeout=10) as answer:
            return [instance["pid"] for instance in json.load(answer)["work"]["instances"]]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


def _ask(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers.get("Location", "")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "")


@pytest.fixture
def make_sink(tmp_path: Path) -> Iterator[Callable[[str], Sink]]:
    made: list[Sink] = []

    def make(limits: str = "completions: 1") -> Sink:
        made.append(Sink(tmp_path, limits))
        made[-1].start()
        return made[-1]

    yield make
    for sink in made:
        if sink.process.poll() is None:
            sink.stop(signal.SIGKILL)


@pytest.fixture
def sink(make_sink: Callable[[], Sink]) -> Sink:
    return make_sink()


def test_an_event_becomes_a_job_once(sink: Sink) -> None:
    status, location = sink.send("e1", {"until": "go"}, **{"ce-lane": "job", "ce-subject": "x"})
    assert (status, location) == (202, "/namespaces/demo/name/work/sources/%2Ftest/ids/e1")
    run = sink.began("e1")
    assert run["env"]["K_EXECUTION_MODE"] == "batch"
    event = run["event"]
    assert (event["id"], event["source"], event["lane"], event["subject"], event["data"]) == ("e1", "/test", "job", "x", {"until": "go"})
    assert sink.send("e1", {"until": "go"}) == (202, location)
    assert sink.status(location) == 202
    assert sink.pids() == [run["pid"]]
    (sink.out / "go").touch()
    wait_for(lambda: sink.status(location) == 200, 20, "the Job is complete")
    assert sink.send("e1", {}) == (202, location)  # also after its end: a redrive needs a new id
    assert (len(sink.runs("e1")), sink.pids()) == (1, [])


def test_a_job_that_fails_is_not_started_again(sink: Sink) -> None:
    _, location = sink.send("e1", {"status": 3})
    wait_for(lambda: sink.status(location) == 400, 20, "the Job has failed")
    assert len(sink.runs("e1")) == 1


def test_one_that_is_killed_has_failed(sink: Sink) -> None:
    _, location = sink.send("e1", {"until": "never"})
    os.kill(sink.began("e1")["pid"], signal.SIGKILL)
    wait_for(lambda: sink.status(location) == 400, 20, "the Job has failed")
    assert sink.send("e1", {"until": "never"})[0] == 202
    assert len(sink.runs("e1")) == 1


def test_as_many_run_as_there_are(sink: Sink) -> None:
    for n in range(6):
        sink.send(f"e{n}", {"until": "go"})
    wait_for(lambda: len(sink.pids()) == 6, 20, "six at once")
    (sink.out / "go").touch()
    wait_for(lambda: sink.pids() == [], 20, "all have ended")


def test_those_that_begin_at_once_have_a_scratch_folder_each(sink: Sink) -> None:
    """Each Job's is removed with it: another's must not go, too. Those that wait on disk at the start begin at once."""
    sink.stop()
    for n in range(3):
        record = JobRecord(name=f"work-{n}", sink="demo/work", source="/test", id=f"e{n}", phase=Phase.WAITING, created_at_s=time.time())
        JobFolder(sink.data / "jobs").create(record, json.dumps({"id": f"e{n}", "data": {"until": f"go{n}"}}).encode())
    sink.start()
    folders = [Path(sink.began(f"e{n}")["env"]["TMPDIR"]) for n in range(3)]
    assert len(set(folders)) == 3
    (sink.out / "go0").touch()
    wait_for(lambda: len(sink.pids()) == 2, 20, "one has ended")
    assert [folder.is_dir() for folder in folders] == [False, True, True]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("", {"ce-specversion": "9"}, 400), ("", {"ce-id": " "}, 400), ("x", {}, 400), ("/more", {}, 400), ("", {"ce-type": ""}, 400)],
)
def test_what_is_no_event_or_no_sink_is_400(sink: Sink, path: str, headers: dict[str, str], status: int) -> None:
    assert sink.send("e1", {}, url=sink.url + path, **headers)[0] == status
    assert sink.pids() == []


def test_an_event_that_no_secret_holds_leaves_a_job_that_never_runs(sink: Sink) -> None:
    """As the real one: 500, and then 202 for ever, with nothing behind it."""
    whole = json.dumps({"filler": "x" * 900 * 1024}).encode()
    assert sink.send("large", whole)[0] == 202
    assert len(sink.began("large")["event"]["data"]["filler"]) == 900 * 1024
    too_large = json.dumps({"filler": "x" * 1024 * 1024}).encode()
    assert sink.send("larger", too_large)[0] == 500
    assert sink.send("larger", too_large)[0] == 202
    assert sink.runs("larger") == []


def test_active_deadline_ends_it(make_sink: Callable[[str], Sink]) -> None:
    sink = make_sink("activeDeadlineSeconds: 2")
    _, location = sink.send("e1", {"until": "never"})
    pid = sink.began("e1")["pid"]
    wait_for(lambda: sink.status(location) == 400, 20, "the Job has failed")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_stays_until_its_ttl_and_is_then_unknown(make_sink: Callable[[str], Sink]) -> None:
    sink = make_sink("ttlSecondsAfterFinished: 1")
    _, location = sink.send("e1")
    wait_for(lambda: sink.status(location) == 500, 20, "the Job is forgotten")
    assert not list((sink.data / "jobs").iterdir())
    assert sink.send("e1")[0] == 202
    wait_for(lambda: len(sink.runs("e1")) == 2, 20, "the same event is a new Job")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_dies_with_its_node_and_is_not_started_again(sink: Sink, number: signal.Signals) -> None:
    _, location = sink.send("e1", {"until": "never"})
    pid = sink.began("e1")["pid"]
    sink.stop(number)
    sink.start()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10, "the Job's process is gone, and collected by whoever inherited it")
    assert (sink.status(location), len(sink.runs("e1")), sink.pids()) == (400, 1, [])


def test_a_job_that_was_created_runs_though_its_node_died_before(sink: Sink) -> None:
    sink.stop()
    name = "work-" + "0" * 32
    event = sink.data / "jobs" / name / "jobsink-event" / "event"
    event.parent.mkdir(parents=True)
    event.write_text(json.dumps({"specversion": "1.0", "id": "e1", "source": "/test", "type": "t", "data": {}}))
    record = {"name": name, "sink": "demo/work", "source": "/test", "id": "e1", "phase": "waiting", "created_at_s": 1.0}
    (event.parents[1] / "job.json").write_text(json.dumps(record))
    sink.start()
    assert sink.began("e1")["event"]["id"] == "e1"
