"""The listener over real HTTP: what it refuses, what it puts on every answer, and clients that are slow, cut off or hostile."""

import asyncio
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import urllib3

from infra.objects.folder import FolderObjects
from infra.objects.listener.app import create_app
from infra.objects.listener.deadlines import blocks
from infra.objects.listener.faults import Fault
from infra.objects.listener.reading import Reply, decide
from infra.objects.listener.target import Target, parse_target
from infra.objects.memory import MemoryObjects
from infra.objects.port import ObjectInfo
from tests.unit.objects.conftest import GATEWAY
from tests.unit.objects.contract import MIB, http, pattern, post_form, put
from tests.unit.objects.serving import free_socket, origin, serving

BOUNDARY = "----b"


def form(*parts: tuple[str, bytes], end: bytes = b"--\r\n") -> bytes:
    """A multipart/form-data body, byte for byte."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'.encode()
    body = b"".join(head + name.encode() + b'"\r\n\r\n' + value + b"\r\n" for name, value in parts)
    return body + b"--" + BOUNDARY.encode() + end


def post_raw(folder: FolderObjects, body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> tuple[int, bytes]:
    answer = http.request("POST", f"{folder.signer.public_url}/o/media", body=body, headers={"Content-Type": content_type})
    return answer.status, answer.data


def granted(folder: FolderObjects, exact_bytes: int) -> list[tuple[str, bytes]]:
    grant = folder.presign_post("media", "a.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=exact_bytes)
    return [(name, value.encode()) for name, value in grant.fields.items()]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NoSuchBucket"),
        ("GET", "/o/secret/a.jpg", 404, "NoSuchBucket"),
        ("GET", "/o/.key", 404, "NoSuchBucket"),
        ("GET", "/o/%2e%2e/.key", 404, "NoSuchBucket"),
        ("GET", "/o/media/../../.key", 403, "AccessDenied"),
        ("GET", "/o/media/%2e%2e/.key", 403, "AccessDenied"),
        ("GET", "/o/media/%ff", 400, "InvalidURI"),
        ("GET", "/o/media/a.jpg?expires=x&signature=%C3%BC", 403, "AccessDenied"),
        ("PUT", "/o/media/a.jpg", 403, "AccessDenied"),
        ("GET", "/o/media", 405, "MethodNotAllowed"),
        ("PUT", "/o/media/", 405, "MethodNotAllowed"),
        ("DELETE", "/o/media/a.jpg", 405, "MethodNotAllowed"),
        ("POST", "/o/media/a.jpg", 405, "MethodNotAllowed"),
        ("POST", "/o/media", 400, "MalformedPOSTRequest"),
    ],
)
def test_what_is_refused(folder: FolderObjects, method: str, path: str, status: int, code: str) -> None:
    with socket.create_connection(("127.0.0.1", int(folder.signer.public_url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"<Code>{code}</Code>".encode() in answer
    assert b"X-Content-Type-Options: nosniff" in answer


def test_every_answer_disarms_its_bytes(folder: FolderObjects) -> None:
    put(folder, "evil.html", b"<script>alert(1)</script>")
    answer = http.request("GET", folder.presign_get("outputs", "evil.html", ttl_s=60))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_a_clip_plays_in_a_tab_of_its_own_and_runs_no_script(folder: FolderObjects) -> None:
    """In a document whose origin is null Chromium's player is refused its own bytes."""
    put(folder, "clip.mp4", b"x")
    answer = http.request("GET", folder.presign_get("outputs", "clip.mp4", ttl_s=60))
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Security-Policy"] == "sandbox allow-same-origin"


def test_scripts_of_one_origin_may_read(folder: FolderObjects) -> None:
    put(folder, "a.jpg", b"x")
    url = folder.presign_get("outputs", "a.jpg", ttl_s=60)
    assert http.request("GET", url, headers={"Origin": GATEWAY}).headers["Access-Control-Allow-Origin"] == GATEWAY
    preflight = http.request("OPTIONS", url, headers={"Origin": GATEWAY, "Access-Control-Request-Method": "PUT"})
    assert (preflight.status, "PUT" in preflight.headers["Access-Control-Allow-Methods"]) == (204, True)
    part = folder.presign_part("media", "a.mp4", folder.create_multipart("media", "a.mp4", content_type="video/mp4"), 1, ttl_s=60)
    sent = http.request("PUT", part, body=b"x", headers={"Origin": GATEWAY})
    assert (sent.status, "ETag" in sent.headers["Access-Control-Expose-Headers"]) == (200, True)
    for stranger in ("http://evil.test", "null", GATEWAY + ".evil.test", GATEWAY.upper()):
        answer = http.request("GET", url, headers={"Origin": stranger})
        assert (answer.headers.get("Access-Control-Allow-Origin"), answer.headers["Vary"]) == (None, "Origin")


def test_a_head_has_no_body(folder: FolderObjects) -> None:
    put(folder, "a.jpg", b"12345")
    answer = http.request("HEAD", folder.presign_get("outputs", "a.jpg", ttl_s=60))
    assert (answer.status, answer.headers["Content-Length"], answer.data) == (200, "5", b"")


INFO = ObjectInfo(bucket="media", key="a", etag="e1", bytes=100, modified_at=datetime.now(UTC))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (200, 0, 100)),
        ({"Range": "bytes=0-0"}, (206, 0, 1)),
        ({"Range": "bytes=10-19"}, (206, 10, 20)),
        ({"Range": "bytes=90-1000"}, (206, 90, 100)),  # the end is cut
        ({"Range": "bytes=99-"}, (206, 99, 100)),
        ({"Range": "bytes=-30"}, (206, 70, 100)),
        ({"Range": "bytes=-1000"}, (206, 0, 100)),
        ({"Range": "bytes=100-"}, (416,)),
        ({"Range": "bytes=-0"}, (416,)),
        ({"Range": "bytes=20-10"}, (200, 0, 100)),  # no valid range: as if there were none
        ({"Range": "bytes=a-b"}, (200, 0, 100)),
        ({"Range": "lines=1-2"}, (200, 0, 100)),
        ({"Range": "bytes=0-1,5-6"}, (200, 0, 100)),  # several: the whole
        ({"Range": "bytes=0-9", "If-Range": '"e1"'}, (206, 0, 10)),
        ({"Range": "bytes=0-9", "If-Range": '"e0"'}, (200, 0, 100)),
        ({"If-Match": '"e1"'}, (200, 0, 100)),
        ({"If-Match": "*"}, (200, 0, 100)),
        ({"If-Match": '"e0", "e1"', "Range": "bytes=0-9"}, (206, 0, 10)),
        ({"If-Match": '"e0"'}, (412,)),
        ({"If-Match": '"e0"', "Range": "bytes=500-"}, (412,)),
        ({"If-None-Match": '"e1"'}, (304, 0, 0)),
        ({"If-None-Match": 'W/"e1"'}, (304, 0, 0)),
        ({"If-None-Match": '"e0"'}, (200, 0, 100)),
    ],
)
def test_conditions_and_ranges(headers: dict[str, str], expected: tuple[int, ...]) -> None:
    if len(expected) == 1:
        with pytest.raises(Fault) as caught:
            decide(headers, INFO)
        assert caught.value.status == expected[0]
    else:
        assert decide(headers, INFO) == Reply(status=expected[0], start=expected[1], stop=expected[2])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/o/media/a%20b+c.jpg?x=1%202&y", Target(bucket="media", key="a b+c.jpg", query={"x": "1 2", "y": ""})),
        ("/o/media/a%2Fb/%2525", Target(bucket="media", key="a/b/%25", query={})),  # decoded once
        ("/o/media", Target(bucket="media", key="", query={})),
        ("/o", None),
        ("http://host/o/media/a", None),
        ("/other/o/media", None),
    ],
)
def test_targets(raw: str, expected: Target | None) -> None:
    assert parse_target(raw) == expected


@pytest.mark.parametrize("data", [b"\r" * (5 * MIB), b"\r\n--" * MIB, f"\r\n--{BOUNDARY[:-1]}".encode() * 300_000, pattern(5 * MIB)])
def test_contents_that_look_like_boundaries(folder: FolderObjects, data: bytes) -> None:
    assert post_raw(folder, form(*granted(folder, len(data)), ("file", data))) == (204, b"")
    with folder.open("media", "a.jpg") as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(data).digest()


def test_what_follows_the_file_is_ignored(folder: FolderObjects) -> None:
    assert post_raw(folder, form(*granted(folder, 5), ("file", b"12345"), ("key", b"b.jpg")))[0] == 204
    assert [info.key for info in folder.list("media")] == ["a.jpg"]


def test_forms_that_are_none(folder: FolderObjects) -> None:
    fields = granted(folder, 5)
    for body, code in (
        (form(*fields), b"InvalidArgument"),  # no file
        (b"", b"MalformedPOSTRequest"),
        (b"no boundary anywhere", b"MalformedPOSTRequest"),
        (form(*fields, ("file", b"12345"))[:-12], b"EntityTooLarge"),  # no closing boundary: what should be one is the file's
        (form(*fields, ("file", b"")), b"EntityTooSmall"),
        (form(*[(f"x{n}", b"") for n in range(21)], ("file", b"12345")), b"MalformedPOSTRequest"),
        (form(("x", b"1" * 30_000), ("file", b"12345")), b"MaxPostPreDataLengthExceeded"),
        (form(("x", b"\xff"), ("file", b"12345")), b"MalformedPOSTRequest"),
        (form(("file", b"12345"), *fields), b"AccessDenied"),  # fields come first
        (form(*fields, ("policy", b"e30="), ("file", b"12345")), b"AccessDenied"),
    ):
        status, answer = post_raw(folder, body)
        assert (status in (400, 403), b"<Code>" + code + b"</Code>" in answer) == (True, True), (body[-80:], answer)
    assert post_raw(folder, b"{}", "application/json")[0] == 400
    assert list(folder.list("media")) == []
    assert list((folder.root / ".tmp").iterdir()) == []


def test_an_upload_that_is_cut_off_leaves_nothing(folder: FolderObjects) -> None:
    body = form(*granted(folder, 3 * MIB), ("file", bytes(3 * MIB)))
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
    head = f"POST /o/media HTTP/1.1\r\nHost: x\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(folder.signer.public_url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(head.encode() + body[:-5])  # every byte of the file, but not the whole boundary
        _until(lambda: any((folder.root / ".tmp").iterdir()))
    _until(lambda: not any((folder.root / ".tmp").iterdir()))
    assert list(folder.list("media")) == []


def test_a_form_announces_a_post_and_a_put_a_put(folder: FolderObjects) -> None:
    post_form(folder.presign_post("media", "a.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=1), b"1")
    http.request("PUT", folder.presign_put("media", "b.jpg", ttl_s=60), body=b"2")
    told = [entry.read_bytes() for entry in folder.spool.entries()]
    assert [b's3:ObjectCreated:Post"' in told[0], b's3:ObjectCreated:Put"' in told[1], len(told)] == [True, True, 2]


def test_half_sent_headers_are_cut_off_and_hold_nobody_up() -> None:
    taken = free_socket()
    store = MemoryObjects(origin(taken))
    put(store, "a.jpg", b"x")
    with serving(lambda: create_app(store), taken, header_s=1):
        clients = [socket.create_connection(taken.getsockname(), timeout=20) for _ in range(64)]
        try:
            for client in clients:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
            assert http.request("GET", store.presign_get("outputs", "a.jpg", ttl_s=60)).data == b"x"
            assert [client.recv(100) for client in clients] == [b""] * 64
        finally:
            for client in clients:
                client.close()


def test_a_silent_body_is_given_up() -> None:
    chunks: Iterator[bytes] = iter([b"a", b"b"])

    async def read() -> bytes:
        chunk = next(chunks, None)
        if chunk is None:
            await asyncio.sleep(60)
        return chunk or b""

    async def everything() -> None:
        async for _ in blocks(read, silence_s=0.05):
            pass

    with pytest.raises(Fault) as caught:
        asyncio.run(everything())
    assert caught.value.status == 408


def test_blocks_are_large() -> None:
    chunks = iter([b"x" * 100_000] * 25 + [b""])

    async def read() -> bytes:
        return next(chunks)

    async def sizes() -> list[int]:
        return [len(block) async for block in blocks(read)]

    assert asyncio.run(sizes()) == [1_100_000, 1_100_000, 300_000]  # 11 x 100,000 is the first over 1,048,576


def test_it_answers_whether_it_lives(folder: FolderObjects) -> None:
    assert urllib3.request("GET", f"{folder.signer.public_url}/healthz").json() == {"status": "ok"}


def _until(happened: Callable[[], bool], within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)
