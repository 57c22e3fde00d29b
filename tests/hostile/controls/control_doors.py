"""Controls of the public listener: gunicorn's own gevent worker waits for half a header and half a body, a parser that takes two lengths
lets a request be smuggled, without our bounds headers and bodies go on, and the standard library's JSON falls over brackets.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import urllib3

from gateway.web import gunicorn as ours
from tests.acceptance.system import Darkroom
from tests.hostile.doors import exchange, sockets, until_closed
from tests.hostile.test_doors import others_are_served

HEADER_S, SILENCE_S, GRACE_S, MIB = 0.5, 0.5, 1, 1 << 20
OURS = "gateway.web.listener.Worker"
CLOSE = b"Host: x\r\nConnection: close\r\n"
READER = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"].encode()
    start_response("200 OK", [("Content-Length", str(len(path)))])
    return [path]
"""
GATEWAY = """
import json, os
from flask import Flask, request
from gateway.settings import Settings
from gateway.web import bodies, hardening, problems, uploads
settings, without = Settings(), os.environ["WITHOUT"].split()
app = Flask(__name__)
hardening.install(app, settings)
problems.install(app)
if "count" in without:
    uploads._counted = lambda chunks, max_bytes: chunks
if "MAX_CONTENT_LENGTH" in without:
    app.config["MAX_CONTENT_LENGTH"] = None
if "most_of_JSON" in without:
    bodies._at_most = lambda stream, size: stream.read()
    bodies.MAX_JSON_BYTES = bodies.Body.MAX_BYTES = 1 << 40
if "pydantic" in without:
    bodies.JobBody.model_validate_json = lambda raw: bodies.JobBody.model_validate(json.loads(raw))
@app.post("/media")
def media():
    return str(sum(map(len, uploads.incoming(request, max_bytes=settings.max_upload_bytes).chunks)))
@app.post("/jobs")
def jobs():
    return str(len(repr(bodies.read_json(request, bodies.JobBody))))
"""
HALVES = {"header": b"GET / HTTP/1.1\r\nHost: x\r\nX: ", "body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"}


@contextmanager
def serving(
    folder: Path, app: str = READER, worker: str = OURS, options: tuple[str, ...] = (), patch: str = "", without: str = ""
) -> Iterator[str]:
    """gunicorn before this application.

    Args:
        options: gunicorn's.
        patch: Python that its configuration runs.
        without: for the application: what it is to leave out.
    """
    (folder / "reader.py").write_text(app)
    (folder / "patch.py").write_text(patch)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    deadlines = {"HEADER_DEADLINE_S": str(HEADER_S), "BODY_SILENCE_S": str(SILENCE_S), "BODY_GRACE_S": str(GRACE_S)}
    bounds = {**deadlines, "MAX_UPLOAD_BYTES": str(MIB), "WITHOUT": without}
    needed = {"DATABASE_URL": "postgresql://x", "OBJECT_STORE_URL": "file:///x", "ATTEMPT_TOKEN_KEY": "x" * 16}
    argv = [
        "-m",
        "gunicorn",
        "--keep-alive=75",
        f"--worker-class={worker}",
        "--pythonpath",
        str(folder),
        f"--config={folder}/patch.py",
        *options,
    ]
    process = subprocess.Popen(
        [sys.executable, *argv, f"--bind=127.0.0.1:{port}", "--graceful-timeout=1", "--log-level=error", "reader:app"],
        cwd=Path(__file__).parents[3],
        env=os.environ | bounds | needed,
    )
    try:
        deadline_s = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def is_waited_for(url: str, half: bytes, patience_s: float) -> bool:
    with sockets(url, 1) as (client,):
        client.sendall(half)
        try:
            until_closed(client, time.monotonic(), patience_s)
        except TimeoutError:
            return True
        return False


@pytest.mark.parametrize(("worker", "waits"), [(OURS, False), ("gevent", True)])
def test_half_a_request_is_waited_for_by_one_of_them(tmp_path: Path, worker: str, waits: bool) -> None:
    with serving(tmp_path, worker=worker) as url:
        assert {name: is_waited_for(url, half, 10 * HEADER_S) for name, half in HALVES.items()} == dict.fromkeys(HALVES, waits)


ANSWERING = """
def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"{}"]
"""


@pytest.mark.parametrize(("worker", "served"), [(OURS, True), ("gthread", False)])
def test_others_wait_where_threads_are_few(tmp_path: Path, worker: str, served: bool) -> None:
    """Eight half bodies hold four threads: nobody else gets an answer."""
    options = ("--threads=4",) if worker == "gthread" else ()
    with serving(tmp_path, ANSWERING, worker, options) as url, sockets(url, 8) as clients:
        other = Darkroom(gateway=url, http=urllib3.PoolManager(retries=False, timeout=2))
        exchange(url, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n", patience_s=60)  # the worker is there
        for client in clients:
            client.sendall(HALVES["body"])
        time.sleep(0.5)
        with nullcontext() if served else pytest.raises(AssertionError), others_are_served(other):
            time.sleep(3)


NO_LEAST_RATE = """
from gateway.web.listener import PatientSocket
PatientSocket._recv_body = lambda self, size: self._recv_within(self._patience.silence_s, size)
"""


@pytest.mark.parametrize(("patch", "status"), [("", 408), (NO_LEAST_RATE, 200)])
def test_a_body_may_drip_where_there_is_no_least_rate(tmp_path: Path, patch: str, status: int) -> None:
    def drips() -> Iterator[bytes]:
        yield b"POST /media HTTP/1.1\r\n" + CLOSE + b"Content-Type: image/jpeg\r\nContent-Length: 30\r\n\r\n"
        for _ in range(30):
            time.sleep(GRACE_S / 10)
            yield b"x"

    with serving(tmp_path, GATEWAY, patch=patch) as url:
        exchange(url, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n", patience_s=60)  # the port is there before the worker that reads drop by drop
        assert exchange(url, drips()).status in ({status, None} if status == 408 else {status})  # who still sends may not hear it


TWO_LENGTHS = """
from gunicorn.http.message import Request
strict = Request.set_body_reader
def lenient(self):
    if any(name == "TRANSFER-ENCODING" for name, _ in self.headers):
        self.headers = [header for header in self.headers if header[0] != "CONTENT-LENGTH"]
    strict(self)
Request.set_body_reader = lenient
"""


@pytest.mark.parametrize(("patch", "smuggled"), [("", False), (TWO_LENGTHS, True)])
def test_a_request_with_two_lengths_holds_another_one(tmp_path: Path, patch: str, smuggled: bool) -> None:
    """To a proxy that goes by Content-Length, all of this is one request's body."""
    inner = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + CLOSE + b"\r\n"
    outer = b"POST /outer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(inner)
    with serving(tmp_path, patch=patch) as url:
        said = exchange(url, outer + inner)
    assert (b"/smuggled" in said.body) is smuggled
    assert said.status == (200 if smuggled else 400)


BOUNDS = (
    f"--limit-request-line={ours.limit_request_line}",
    f"--limit-request-fields={ours.limit_request_fields}",
    f"--limit-request-field_size={ours.limit_request_field_size}",
)
BOUNDLESS = ("--limit-request-line=0", "--limit-request-fields=32768", "--limit-request-field_size=100000")
FLOODS = {
    "many": (b"GET / HTTP/1.1\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(5000)), 431),
    "long": (b"GET / HTTP/1.1\r\n", b"X-Long: " + b"y" * 20_000 + b"\r\n", 431),
    "line": (b"GET /%s HTTP/1.1\r\n" % (b"x" * 20_000), b"", 414),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_headers_go_on_where_nothing_bounds_them(tmp_path: Path, flood: str) -> None:
    line, headers, status = FLOODS[flood]
    for options, outcome in ((BOUNDS, status), (BOUNDLESS, 200)):
        with serving(tmp_path, options=options) as url:
            assert exchange(url, line + CLOSE + headers + b"\r\n").status == outcome


def chunked(path: str, content_type: str, data: bytes) -> Iterator[bytes]:
    """A request that does not say how long its body is."""
    yield f"POST {path} HTTP/1.1\r\n".encode() + CLOSE + f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    for at in range(0, len(data), 65536):
        piece = data[at : at + 65536]
        yield b"%x\r\n" % len(piece) + piece + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize(("without", "status"), [("", 413), ("count", 413), ("MAX_CONTENT_LENGTH", 413), ("count MAX_CONTENT_LENGTH", 200)])
def test_an_upload_in_chunks_goes_on_where_neither_bound_is(tmp_path: Path, without: str, status: int) -> None:
    with serving(tmp_path, GATEWAY, without=without) as url:
        said = exchange(url, chunked("/media", "image/jpeg", bytes(3 * MIB)))
    assert said.status == status
    assert status == 413 or said.body == str(3 * MIB).encode()


JOB = b'{"media_id": "0123456789abcdef", "operations": ["thumbnail"]' + b" " * (MIB // 2) + b"}"


@pytest.mark.parametrize(
    ("data", "without", "status"),
    [(JOB, "", 413), (JOB, "most_of_JSON", 200), (b"[" * 20_000, "", 400), (b"[" * 20_000, "pydantic", 500)],
    ids=["long, held", "long", "deep, held", "deep"],
)
def test_json_that_is_too_much(tmp_path: Path, data: bytes, without: str, status: int) -> None:
    with serving(tmp_path, GATEWAY, without=without) as url:
        assert exchange(url, chunked("/jobs", "application/json", data)).status == status
