"""Controls: gunicorn's own gevent worker waits for half a header and half a body; ours, in the same server, does not."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hostile.doors import sockets, until_closed

HEADER_S, SILENCE_S = 0.5, 0.5
APP = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
"""
HALVES = {"header": b"GET / HTTP/1.1\r\nHost: x\r\nX: ", "body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"}


@contextmanager
def serving(folder: Path, worker: str) -> Iterator[str]:
    """gunicorn with this worker, before an application that reads its bodies."""
    (folder / "reader.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bounds = {"HEADER_DEADLINE_S": str(HEADER_S), "BODY_SILENCE_S": str(SILENCE_S)}
    needed = {"DATABASE_URL": "postgresql://x", "OBJECT_STORE_URL": "file:///x", "ATTEMPT_TOKEN_KEY": "x" * 16}
    argv = ["-m", "gunicorn", "--keep-alive=75", f"--worker-class={worker}", "--pythonpath", str(folder)]
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


@pytest.mark.parametrize(("worker", "waits"), [("gateway.web.listener.Worker", False), ("gevent", True)])
def test_half_a_request_is_waited_for_by_one_of_them(tmp_path: Path, worker: str, waits: bool) -> None:
    with serving(tmp_path, worker) as url:
        assert {name: is_waited_for(url, half, 10 * HEADER_S) for name, half in HALVES.items()} == dict.fromkeys(HALVES, waits)
