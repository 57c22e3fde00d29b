"""Raw sockets against the public listener: refused in time, in words, and others are served meanwhile."""

import math
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from urllib.parse import urlsplit

import pytest
from urllib3.exceptions import HTTPError

from tests.acceptance.system import Darkroom, System
from tests.hostile.conftest import GRACE_S, HEADER_S, MAX_UPLOAD_BYTES, SILENCE_S
from tests.hostile.doors import Said, exchange, sockets, until_closed

MANY = 64
HALF_A_HEADER = b"GET /operations HTTP/1.1\r\nHost: localhost\r\nX-Long: "
HALF_A_BODY = b"POST /media?filename=a.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nonly this"
HALF_A_FORM = (
    b"POST /media HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\nhalf'
)
HALF_A_JSON = b'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"media_id": '
HALF_A_CHUNK = (
    b"POST /media?filename=a.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nhalf"
)
CLOSE = b"Host: localhost\r\nConnection: close\r\n"


@contextmanager
def others_are_served(darkroom: Darkroom) -> Iterator[list[float]]:
    """Meanwhile another client asks, again and again, what needs the ledger: its answers come in good time. Their seconds are told."""
    took_s: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                darkroom.call("GET", "/media?limit=1")
            except (HTTPError, AssertionError):
                took_s.append(math.inf)
            else:
                took_s.append(time.monotonic() - began)
            over.wait(0.05)

    other = threading.Thread(target=ask)
    other.start()
    try:
        yield took_s
    finally:
        over.set()
        other.join(30)
    assert len(took_s) >= 5
    assert math.inf not in took_s
    assert statistics.median(took_s) < 0.5  # tenfold what it takes


def in_time(said: list[Said], deadline_s: float) -> bool:
    """Whether all were let go of in good time, and none before it was over: each has its deadline, and one more to read what we said."""
    return min(one.seconds for one in said) > deadline_s / 2 and max(one.seconds for one in said) < 3 * deadline_s


def test_half_a_header_is_waited_for_until_its_deadline(system: System) -> None:
    with others_are_served(system), sockets(system.gateway, MANY) as clients:
        began = time.monotonic()
        for client in clients:
            client.sendall(HALF_A_HEADER)
        said = [until_closed(client, began, 10 * HEADER_S) for client in clients]
    assert {one.status for one in said} == {408}
    assert said[0].problem["title"] == "Request Timeout"
    assert in_time(said, HEADER_S)


def test_a_header_that_drips_gets_no_more_time(system: System) -> None:
    with others_are_served(system), sockets(system.gateway, 8) as clients:
        began = time.monotonic()
        for client in clients:
            client.sendall(HALF_A_HEADER)
        while time.monotonic() < began + HEADER_S + 1:
            for client in clients:
                try:
                    client.sendall(b"x")
                except OSError:
                    break
            time.sleep(0.2)
        said = [until_closed(client, began, 10 * HEADER_S) for client in clients]
    assert {one.status for one in said} <= {408, None}  # None: it hung up while we still sent
    assert max(one.seconds for one in said) < 3 * HEADER_S


def test_saying_nothing_is_no_way_to_stay(system: System) -> None:
    with sockets(system.gateway, MANY) as clients:
        began = time.monotonic()
        said = [until_closed(client, began, 10 * HEADER_S) for client in clients]
    assert {one.status for one in said} == {408}
    assert in_time(said, HEADER_S)


@pytest.mark.parametrize("half", [HALF_A_BODY, HALF_A_FORM, HALF_A_JSON, HALF_A_CHUNK], ids=["raw", "form", "json", "chunked"])
def test_half_a_body_is_waited_for_until_its_deadline(system: System, half: bytes) -> None:
    before = len(system.call("GET", "/media?limit=200")["media"])
    with others_are_served(system), sockets(system.gateway, MANY) as clients:
        began = time.monotonic()
        for client in clients:
            client.sendall(half)
        said = [until_closed(client, began, 10 * SILENCE_S) for client in clients]
    slow = [one for one in said if one.status == 408]
    assert {one.status for one in said} <= {408, 429, 503}  # there is a bound on uploads at once, too
    assert slow[0].problem["status"] == 408
    assert in_time(slow, SILENCE_S)
    assert max(one.seconds for one in said) < 3 * SILENCE_S
    assert len(system.call("GET", "/media?limit=200")["media"]) == before  # what broke off left nothing


def test_a_slow_body_that_keeps_coming_is_taken(system: System) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"POST /media?filename=a.txt&operations=none HTTP/1.1\r\n" + CLOSE
        yield b"Content-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n"
        for _ in range(5):  # longer than any one wait
            time.sleep(SILENCE_S / 3)
            yield b"x"

    assert exchange(system.gateway, pieces()).status == 201


def test_a_body_that_drips_ends_when_its_grace_is_over(system: System) -> None:
    """It never falls silent long enough for the other deadline."""
    before = len(system.call("GET", "/media?limit=200")["media"])
    with others_are_served(system), sockets(system.gateway, 8) as clients:
        began = time.monotonic()
        for client in clients:
            client.sendall(HALF_A_BODY)
        unanswered = clients
        while unanswered and time.monotonic() < began + 5 * GRACE_S:
            time.sleep(SILENCE_S / 3)
            answered, _, _ = select(unanswered, [], [], 0)
            unanswered = [client for client in unanswered if client not in answered]
            for client in unanswered:
                client.sendall(b"x")
        said = [until_closed(client, began, 6 * GRACE_S) for client in clients]
    assert {(one.status, one.problem["detail"]) for one in said} == {(408, "The body comes at less than 1024 bytes a second.")}
    assert in_time(said, GRACE_S)
    assert len(system.call("GET", "/media?limit=200")["media"]) == before


@pytest.mark.parametrize(
    ("path", "content_type", "size"),
    [("/media?filename=a.jpg", b"image/jpeg", MAX_UPLOAD_BYTES + 4096), ("/jobs", b"application/json", 128 * 1024)],
)
def test_a_body_that_does_not_say_how_long_it_is_has_the_same_end(system: System, path: str, content_type: bytes, size: int) -> None:
    def pieces() -> Iterator[bytes]:
        yield f"POST {path} HTTP/1.1\r\n".encode() + CLOSE + b"Content-Type: " + content_type + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        for _ in range(0, size, 4096):
            yield b"1000\r\n" + bytes(4096) + b"\r\n"
        yield b"0\r\n\r\n"

    with others_are_served(system) as served:
        while len(served) < 5:
            said = exchange(system.gateway, pieces())
            assert (said.status, said.problem["title"]) == (413, "Too large")
            assert said.seconds < 3 * SILENCE_S


def test_a_body_that_says_it_is_too_long_is_not_even_read(system: System) -> None:
    said = exchange(
        system.gateway, b"POST /media HTTP/1.1\r\n" + CLOSE + b"Content-Type: image/jpeg\r\nContent-Length: 99999999999\r\n\r\n"
    )
    assert said.status == 413
    assert said.seconds < SILENCE_S


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"Content-Length: -5\r\n", 400),
        (b"Content-Length: +5\r\n", 400),
        (b"Content-Length: 0x5\r\n", 400),
        (b"Transfer-Encoding: chunked, chunked\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"Content-Length: 5\r\n Transfer-Encoding: chunked\r\n", 400),
        (b"".join(b"X-%d: y\r\n" % n for n in range(100)), 431),
        (b"".join(b"X-%d: y\r\n" % n for n in range(50_000)), 431),
        (b"X-Long: " + b"y" * 20_000 + b"\r\n", 431),
        (b"X-Never-Ending: " + b"y" * 5_000_000, 431),
    ],
    ids=[
        "CL+TE",
        "TE+CL",
        "CL+CL",
        "CL-",
        "CL+",
        "CL hex",
        "TE twice",
        "TE strange",
        "TE space",
        "folded",
        "many",
        "flood",
        "long",
        "endless",
    ],
)
def test_headers_that_could_be_read_two_ways_or_are_too_many(system: System, headers: bytes, status: int) -> None:
    with others_are_served(system) as served:
        while len(served) < 5:
            said = exchange(system.gateway, b"POST /jobs HTTP/1.1\r\n" + CLOSE + headers + b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")
            assert said.status in ({status} if len(headers) < 100_000 else {status, None})  # who still sends may not hear it
            if said.status:
                assert said.problem["status"] == status
            assert b"smuggled" not in said.body
            assert said.seconds < 3 * HEADER_S


@pytest.mark.parametrize(
    "request_line",
    [b"GET /%s HTTP/1.1" % (b"x" * 9000), b"GET / HTTP/9.9", b"G\0T / HTTP/1.1", b"get", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"],
    ids=["long", "version", "method", "word", "TLS"],
)
def test_a_first_line_that_is_none(system: System, request_line: bytes) -> None:
    said = exchange(system.gateway, request_line + b"\r\n" + CLOSE + b"\r\n")
    assert said.status in (400, 414)
    assert said.problem["status"] == said.status


@pytest.mark.parametrize("body", [b"[" * 20_000, b'{"a":' * 10_000, b"\xff\xfe", b"NaN", b'{"media_id": "\\ud800"}', b"1" * 60_000])
def test_json_that_is_no_request(system: System, body: bytes) -> None:
    said = exchange(
        system.gateway,
        b"POST /jobs HTTP/1.1\r\n" + CLOSE + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
    )
    assert said.status in (400, 422)
    assert said.problem["status"] == said.status


def test_a_form_of_many_parts_is_refused(system: System) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    answer = system.http.request(
        "POST", system.gateway + "/media", body=part * 1000 + b"--b--\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status == 413


ARMOUR = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/media", "/no-such-page", "/jobs/1", "/healthz", "/openapi.json"])
def test_every_answer_has_its_armour(system: System, path: str) -> None:
    headers = system.http.request("GET", system.gateway + path).headers
    assert {name: headers.get(name) for name in ARMOUR} == ARMOUR


def test_the_dashboard_may_load_from_here_and_show_what_is_in_the_store(system: System) -> None:
    """The whole policy; the store's origin is one of its own, and nothing of it runs."""
    told = {"Content-Type": "application/octet-stream"}
    media = system.call("POST", "/media?filename=a.bin&operations=none", status=201, body=b"x", headers=told)
    original = system.http.request("GET", f"{system.gateway}/media/{media['media_id']}/original", redirect=False).headers["Location"]
    store = "{0.scheme}://{0.netloc}".format(urlsplit(original))
    assert store != system.gateway
    headers = system.http.request(
        "GET", system.gateway + "/dashboard", retries=3
    ).headers  # it has one name of this machine, and leads there
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self' {store}; img-src 'self' {store};"
        f" media-src 'self' {store}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert {name: headers.get(name) for name in ARMOUR} == {**ARMOUR, "Content-Security-Policy": policy}


def test_a_host_that_is_not_ours_is_refused_and_in_no_link(system: System) -> None:
    said = exchange(system.gateway, b"GET /media HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert said.status == 400  # a name that leads here for a moment only (DNS rebinding)
    assert b"//evil.example" not in said.body
    assert "evil.example" not in said.headers
