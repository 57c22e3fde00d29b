"""The contract of a function's server process, over real HTTP: probe in depth, started both ways, and every function's envelope."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.objects.open import open_objects
from infra.objects.port import Objects
from schemas.envelope import Event, parse, to_binary
from schemas.events import COMPLETED, FAILED, REQUESTED
from schemas.facts import Kind, MediaFacts
from schemas.payloads import Completed, Failed
from tests.unit.functions.runtime.conftest import FakeGateway, gateway  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[3]
PREFIX = "default/m1/probe/1/w1/1/"
SERVERS = {
    "as in the manifests": ["gunicorn", "--workers=1", "--threads=2", "--timeout=0", "--bind={bind}", "functions_framework:create_app()"],
    "functions-framework": [
        *("functions-framework", "--source", "functions/probe/main.py", "--target", "handle", "--signature-type", "http"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    ],
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Event:
        assert self.status == 200, self.body
        return parse(self.headers, self.body)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running function, and the store that it reads and writes."""

    port: int
    process: subprocess.Popen[bytes]
    objects: Objects
    work_dir: Path
    log: Path
    answers: list[Answer] = field(default_factory=list)

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            answer = Answer(status=response.status, headers={k.lower(): v for k, v in response.getheaders()}, body=response.read())
        finally:
            connection.close()
        self.answers.append(answer)
        return answer

    def put(self, sample: str) -> dict[str, Any]:
        """Stores a sample; the `source` of a request for it."""
        path = ROOT / "sample_data" / sample
        stored = self.objects.put_file("media", f"incoming/{sample}", path, content_type="application/octet-stream")
        return {"bucket": "media", "key": f"incoming/{sample}", "etag": stored.etag, "bytes": stored.bytes, "filename": sample}

    def send(self, source: Mapping[str, Any], *, structured: bool = False, operation: str = "probe", **changes: Any) -> Answer:
        data = {
            **{"attempt_id": "w1.1", "work_id": "w1", "attempt": 1, "operation": operation, "version": 1, "deadline_s": 30},
            **{"source": dict(source), "output_bucket": "outputs", "output_prefix": PREFIX},
            **changes,
        }
        event = Event(
            id=data["attempt_id"], source="/by/hand", type=REQUESTED, data=data, extensions={"operation": operation, "lane": "request"}
        )
        headers, body = to_binary(event)
        if structured:
            attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
            body = json.dumps({**attributes, "datacontenttype": "application/json", "data": data}).encode()
            headers = {"content-type": "application/cloudevents+json"}
        return self.ask("POST", "/", headers, body)


@contextmanager
def serving(kind: str, tmp_path: Path, **environment: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "work").mkdir()
    url = f"file://{tmp_path}/store"
    program, *arguments = [part.format(bind=f"127.0.0.1:{port}", port=port) for part in SERVERS[kind]]
    settings = {
        **{"FUNCTION_SOURCE": "functions/probe/main.py", "FUNCTION_TARGET": "handle", "FUNCTION_SIGNATURE_TYPE": "http"},
        **{"OBJECT_STORE_URL": url, "WORK_DIR": str(tmp_path / "work"), "HEARTBEAT_S": "0.1", "THREADS": "2"},
        **{"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        **environment,
    }
    with (tmp_path / "log").open("wb") as log:
        argv = [str(Path(sys.executable).parent / program), *arguments]
        process = subprocess.Popen(argv, cwd=ROOT, env=settings, stdout=log, stderr=log, start_new_session=True)
    server = Server(port=port, process=process, objects=open_objects(url), work_dir=tmp_path / "work", log=tmp_path / "log")
    try:
        _wait_for(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(server: Server) -> None:
    for _ in range(600):
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.ask("GET", "/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(server.log.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving("as in the manifests", tmp_path_factory.mktemp("probe")) as running:
        yield running


def assert_problem(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert 0 < len(answer.body) <= 768


@pytest.mark.parametrize("kind", SERVERS)
def test_both_ways_to_start_it_answer_alike(tmp_path: Path, kind: str) -> None:
    with serving(kind, tmp_path) as one:
        health = json.loads(one.ask("GET", "/").body)
        assert (health["operation"], "landlock" in health["layers"]) == ("probe", True)
        (started,) = _said(one, "started")  # and no event has come yet
        assert (started["operation"], started["layers"]) == ("probe", health["layers"])
        for sample in ("china.jpg", "clip.mp4"):
            answer = one.send(one.put(sample), output_prefix=f"default/{sample}/probe/1/w1/1/")
            assert answer.event.type == COMPLETED
            assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("structured", [False, True])
def test_an_event_gets_an_event(server: Server, structured: bool) -> None:
    answer = server.send(server.put("phone_rotated.mov"), structured=structured, output_prefix=f"default/m/probe/1/s{structured}/1/")
    event = answer.event
    assert (event.id, event.type, event.operation, event.lane) == ("w1.1.completed", COMPLETED, "probe", "request")
    completed = Completed.model_validate(event.data)
    assert completed.facts
    assert (completed.facts.width_px, completed.facts.height_px, completed.content_type) == (720, 1280, "video/quicktime")
    assert list(server.work_dir.iterdir()) == []


FLOWER = MediaFacts(kind=Kind.IMAGE, container="jpeg", width_px=640, height_px=427, orientation=1, sha256="0" * 64, bytes=142_987)
CLIP = MediaFacts(
    kind=Kind.VIDEO, container="mp4", width_px=1280, height_px=720, rotation_deg=0, duration_ms=8000, frame_rate=30, frames=240,
    video_codec="h264", audio_codec="aac", bit_depth=8, sha256="0" * 64, bytes=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sample", "facts", "made"),
    [
        ("probe", "flower.jpg", None, None),
        ("thumbnail", "flower.jpg", FLOWER, "image/webp"),
        ("transcode", "clip.mp4", CLIP, "video/mp4"),
        ("embed", "flower.jpg", FLOWER, "application/x-npy"),
    ],
)
def test_every_function_answers_events_with_events(
    tmp_path: Path, name: str, sample: str, facts: MediaFacts | None, made: str | None
) -> None:
    """Both modes, a missing original, garbage: a body is a CloudEvent, or a short problem."""
    known = None if facts is None else facts.model_dump(mode="json")
    with serving("as in the manifests", tmp_path, FUNCTION_SOURCE=f"functions/{name}/main.py") as one:
        source = one.put(sample)
        for structured in (False, True):
            prefix = f"default/x/{name}/1/{structured}/1/"
            answer = one.send(source, structured=structured, operation=name, output_prefix=prefix, facts=known, deadline_s=120)
            completed = Completed.model_validate(answer.event.data)
            assert (answer.event.type, answer.event.operation) == (COMPLETED, name)
            assert [artifact.content_type for artifact in completed.artifacts] == ([made] if made else [])
            assert all(artifact.object_key.startswith(prefix) for artifact in completed.artifacts)
        gone = one.send({**source, "key": "nowhere"}, operation=name, output_prefix=f"default/x/{name}/1/gone/1/", facts=known)
        assert Failed.model_validate(gone.event.data).source_gone
        assert_problem(one.ask("POST", "/", {"content-type": "application/json"}, b"{"), 400)
        assert_problem(one.send(source, operation="sharpen", output_prefix=f"default/x/{name}/1/other/1/"), 400)


def test_a_file_that_is_refused_gets_an_event_too(server: Server) -> None:
    event = server.send(server.put("broken.jpg"), output_prefix="default/broken/probe/1/w1/1/").event
    failed = Failed.model_validate(event.data)
    assert (event.type, event.id, failed.failure) == (FAILED, "w1.1.failed", "bad-input")


def test_a_second_delivery_is_answered_from_the_result(server: Server) -> None:
    source = server.put("flower.jpg")
    first = server.send(source).event
    server.objects.delete("media", source["key"])  # with the original gone, only the result can answer
    second = server.send(source).event
    assert (second.id, second.type, second.data) == (first.id, first.type, first.data)


def test_an_original_that_was_replaced_is_gone(server: Server) -> None:
    source = server.put("rocket.jpg")
    server.objects.put("media", source["key"], [b"other bytes"], content_type="image/jpeg")
    failed = Failed.model_validate(server.send(source, output_prefix="default/gone/probe/1/w1/1/").event.data)
    assert (failed.failure, failed.source_gone) == ("infra", True)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"garbage"),
        ({"Content-Type": "application/cloudevents+json"}, b"[" * 20_000),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": REQUESTED, "Content-Type": "application/json"}, b"{"),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": REQUESTED, "Content-Type": "application/json"}, b"{}"),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "another", "Content-Type": "application/json"}, b"{}"),
    ],
)
def test_garbage_gets_a_short_400(server: Server, headers: dict[str, str], body: bytes) -> None:
    assert_problem(server.ask("POST", "/", headers, body), 400)


def test_other_requests(server: Server) -> None:
    assert_problem(server.ask("GET", "/nothing"), 404)
    assert_problem(server.ask("DELETE", "/"), 405)


@pytest.mark.parametrize(("verdict", "status"), [("go", 200), ("wait", 503), ("stop", 200)])
def test_the_claim(tmp_path: Path, gateway: FakeGateway, verdict: str, status: int) -> None:  # noqa: F811
    gateway.answers = [verdict]
    with serving("as in the manifests", tmp_path, GATEWAY_INTERNAL_URL=gateway.url) as one:
        answer = one.send(one.put("china.jpg"), token="the-token")
        assert answer.status == status
        assert (gateway.beats[0]["attempt_id"], gateway.beats[0]["token"]) == ("w1.1", "the-token")
        if verdict == "go":
            assert (answer.event.type, answer.event.data["token"]) == (COMPLETED, "the-token")
        elif verdict == "stop":
            assert answer.body == b""
            assert "content-type" not in answer.headers
        else:
            assert_problem(answer, 503)
        assert (one.objects.head("outputs", PREFIX + "result.json") is not None) == (verdict == "go")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", ""], ids=["unreachable", "not set"])
def test_no_claim_no_start(tmp_path: Path, url: str) -> None:
    with serving("as in the manifests", tmp_path, GATEWAY_INTERNAL_URL=url) as one:
        assert_problem(one.send(one.put("china.jpg"), token="the-token"), 503)
        assert one.send(one.put("china.jpg")).event.type == COMPLETED  # without a token it needs none


def test_a_store_that_is_not_there_is_503(tmp_path: Path) -> None:
    with serving("as in the manifests", tmp_path, OBJECT_STORE_URL="http://key:secret@127.0.0.1:1") as one:
        answer = one.send(one.put("china.jpg"))
        assert_problem(answer, 503)
        assert b"secret" not in answer.body


def test_a_killed_server_leaves_no_process_of_its_own(tmp_path: Path) -> None:
    with serving("as in the manifests", tmp_path) as one:
        one.send(one.put("china.jpg"))
        ours = [pid for pid in _descendants(one.process.pid) if "functions.confine.worker" in _command(pid)]
        assert ours
        os.killpg(one.process.pid, signal.SIGKILL)
        ends_at = time.monotonic() + 20
        while any("functions.confine.worker" in _command(pid) for pid in ours):
            assert time.monotonic() < ends_at
            time.sleep(0.05)


def test_no_body_was_anything_but_an_event_or_short_text(server: Server) -> None:
    for answer in server.answers:
        if answer.status == 200 and answer.body and b'"layers"' not in answer.body:
            assert answer.event.type in (COMPLETED, FAILED)
        assert "html" not in answer.headers.get("content-type", "")


def _said(server: Server, message: str) -> list[dict[str, Any]]:
    """The log's lines with this message, once there is one."""
    for _ in range(100):
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        if found := [line for line in lines if line["message"] == message]:
            return found
        time.sleep(0.1)
    raise AssertionError(server.log.read_text())


def _descendants(pid: int) -> list[int]:
    children = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == pid]
    return [*children, *(below for child in children for below in _descendants(child))]


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
