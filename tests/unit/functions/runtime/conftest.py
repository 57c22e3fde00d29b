"""A gateway of a few lines that really listens, a store that really stores, and requests as the broker delivers them."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask import request as flask_request
from werkzeug.test import TestResponse

from functions.media.formats import MediaLimits
from functions.runtime.attempt import Surroundings, Work
from functions.runtime.gateway import Gateway
from functions.runtime.handler import Handler
from functions.runtime.settings import Settings
from infra.objects.memory import MemoryObjects
from schemas.envelope import Event, to_binary
from schemas.events import GATEWAY_SOURCE, REQUESTED

PREFIX = "default/sha/thumbnail/1/w1/1/"


@dataclass
class FakeGateway:
    """Answers each heartbeat with the next of `answers`, the last one for ever: a verdict, or a status to fail with."""

    answers: list[str | int] = field(default_factory=lambda: ["go"])
    beats: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def answer(self, beat: dict[str, Any]) -> str | int:
        self.beats.append(beat)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    fake = FakeGateway()

    class Listener(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            fake.connections += 1

        def do_POST(self) -> None:
            beat = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = fake.answer(beat) if self.path == "/internal/heartbeats" else 404
            body = json.dumps({"verdict": answer}).encode() if isinstance(answer, str) else b"no"
            self.send_response(200 if isinstance(answer, str) else answer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.daemon_threads = True
        fake.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield fake
        server.shutdown()


@dataclass
class Function:
    """One function with its surroundings, called as functions-framework calls it."""

    objects: MemoryObjects
    gateway: FakeGateway
    work_dir: Path
    etag: str = ""

    def __post_init__(self) -> None:
        self.etag = self.objects.put("media", "media/x.jpg", [b"original"], content_type="image/jpeg").etag

    def request(self, **changes: Any) -> dict[str, Any]:
        """The data of a request; `source__etag` and the like change what is inside."""
        data: dict[str, Any] = {
            **{"attempt_id": "w1.1", "work_id": "w1", "attempt": 1, "token": "t", "operation": "thumbnail", "version": 1},
            **{"deadline_s": 30, "output_bucket": "outputs", "output_prefix": PREFIX},
            "source": {"bucket": "media", "key": "media/x.jpg", "etag": self.etag, "bytes": 8, "filename": "x.jpg"},
            "facts": {"kind": "image", "container": "jpeg", "width_px": 1, "height_px": 1, "sha256": "0" * 64, "bytes": 8},
        }
        for name, value in changes.items():
            outer, _, inner = name.partition("__")
            if inner:
                data[outer] = {**data[outer], inner: value}
            else:
                data[outer] = value
        return data

    def send(self, work: Work, data: dict[str, Any] | None = None, *, type: str = REQUESTED, **settings: Any) -> TestResponse:
        extensions = {"operation": "thumbnail", "lane": "request", "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
        event = Event(
            id="w1.1", source=GATEWAY_SOURCE, type=type, data=self.request() if data is None else data, extensions=extensions, subject="x"
        )
        headers, body = to_binary(event)
        return self.post(work, headers, body, **settings)

    def post(
        self,
        work: Work,
        headers: dict[str, str],
        body: bytes,
        *,
        method: str = "POST",
        path: str = "/",
        limits: MediaLimits | None = None,
        **settings: Any,
    ) -> TestResponse:
        values = {"object_store_url": "memory", "work_dir": self.work_dir, "heartbeat_s": 0.05, "spare_disk_bytes": 1, **settings}
        gateway = Gateway(self.gateway.url, timeout_s=5)
        around = Surroundings(settings=Settings(**values), objects=self.objects, gateway=gateway, limits=limits or MediaLimits())
        app = Flask("function")
        handler = Handler("thumbnail", work, surroundings=lambda: around)
        app.add_url_rule("/", "run", lambda: handler(flask_request), methods=["GET", "POST", "PUT"])
        app.add_url_rule("/<path:path>", "run2", lambda path: handler(flask_request), methods=["GET", "POST", "PUT"])
        return app.test_client().open(path, method=method, headers=headers, data=body)


@pytest.fixture
def function(tmp_path: Path, gateway: FakeGateway) -> Function:
    return Function(objects=MemoryObjects(), gateway=gateway, work_dir=tmp_path)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is so, at most ten seconds."""

    def wait(so: Callable[[], bool]) -> None:
        ends = threading.Event()
        for _ in range(1000):
            if so():
                return
            ends.wait(0.01)
        raise AssertionError("it never became so")

    return wait
