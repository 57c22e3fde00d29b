"""One POST to a stranger's address, against real sockets."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from gateway.domain.callbacks import networks
from gateway.worker.outward import Undelivered, post

LOOPBACK = networks(["127.0.0.0/8"])
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextmanager
def receiver(talk: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[bytes]]]:
    """A port whose every connection gets `talk`, once its request has come; yields what was asked."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                with suppress(OSError):
                    talk(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def test_what_is_sent() -> None:
    with receiver(lambda c: c.sendall(OK)) as (port, asked):
        url = f"http://hook.example:{port}/a/b?c=d#e"
        assert post(url, {"webhook-id": "x"}, b"body", allowed=LOOPBACK, resolver=to_loopback).status == 204
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b?c=d HTTP/1.1\r\n")
    assert f"Host: hook.example:{port}".encode() in head
    assert b"webhook-id: x" in head
    assert asked[0].count(b"Host:") == 1
    assert body in (b"", b"body")  # it may come in a second packet


def test_a_redirect_is_an_answer() -> None:
    with (
        receiver(lambda c: c.sendall(OK)) as (inner, reached),
        receiver(lambda c: c.sendall(f"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:{inner}/\r\nContent-Length: 0\r\n\r\n".encode())) as (
            port,
            _,
        ),
    ):
        assert post(f"http://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK).status == 307
        assert reached == []


def test_a_name_that_resolves_inward_is_refused_unconnected() -> None:
    with receiver(lambda c: c.sendall(OK)) as (port, asked):
        for resolver in (to_loopback, lambda *_: ["::ffff:127.0.0.1"], lambda *_: ["169.254.169.254"], lambda *_: []):
            with pytest.raises(Undelivered, match="no address of the public internet"):
                post(f"http://hook.example:{port}/", {}, b"", resolver=resolver)
        with pytest.raises(Undelivered, match="no address of the public internet"):
            post(f"http://2130706433:{port}/", {}, b"")  # 127.0.0.1 to the system's resolver
        assert asked == []


def test_rebinding() -> None:
    """A name that is resolved to an allowed address, then to another: it is resolved once, and the connection goes where it was judged."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with receiver(lambda c: c.sendall(OK)) as (port, asked):
        answer = post(f"http://hook.example:{port}/", {}, b"", allowed=networks(["127.0.0.1/32"]), resolver=lambda *_: next(answers))
        assert answer.status == 204
    assert len(asked) == 1
    assert next(answers) == ["127.0.0.2"]  # nobody asked again


@pytest.mark.parametrize(
    "talk",
    [
        lambda c: time.sleep(30),
        lambda c: [c.sendall(b"H") or time.sleep(0.05) for _ in range(600)],
        lambda c: [c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n") or time.sleep(0.05) for _ in range(600)],
    ],
    ids=["silent", "drips its status", "continues for ever"],
)
def test_the_deadline_holds_whatever_the_receiver_does(talk: Callable[[socket.socket], None]) -> None:
    with receiver(talk) as (port, _):
        began_s = time.monotonic()
        with pytest.raises(Undelivered, match="in time"):
            post(f"http://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK, deadline_s=0.5)
        assert time.monotonic() - began_s < 3


def test_a_body_that_drips_is_cut_off_and_its_status_counts() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(600):
            connection.sendall(b"x")
            time.sleep(0.05)

    with receiver(drip) as (port, _):
        began_s = time.monotonic()
        assert post(f"http://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK, deadline_s=0.5).status == 200
        assert time.monotonic() - began_s < 3


def test_an_endless_answer_is_left_at_its_bound() -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with receiver(pour) as (port, _):
        assert post(f"http://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK).status == 200


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_no_http(said: bytes) -> None:
    with receiver(lambda c: c.sendall(said)) as (port, _), pytest.raises(Undelivered, match="no HTTP"):
        post(f"http://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK)


def test_nobody_there_and_no_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Undelivered, match="cannot be connected to"):
        post(f"http://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK)
    with receiver(lambda c: c.sendall(OK)) as (port, _), pytest.raises(Undelivered, match="TLS"):
        post(f"https://127.0.0.1:{port}/", {}, b"", allowed=LOOPBACK)


def test_a_certificate_of_nobodys(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A self-signed one is refused, for the name and for its issuer."""
    folder = tmp_path_factory.mktemp("tls")
    import subprocess

    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=hook.example -keyout key -out crt"
    made = subprocess.run(command.split(), cwd=folder, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with suppress(OSError):
            context.wrap_socket(connection, server_side=True).sendall(OK)

    threading.Thread(target=serve, daemon=True).start()
    with pytest.raises(Undelivered, match="certificate"):
        post(f"https://hook.example:{listener.getsockname()[1]}/", {}, b"", allowed=LOOPBACK, resolver=to_loopback)
    listener.close()
