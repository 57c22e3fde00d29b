"""Every answer of an S3 endpoint that is no success, over HTTP, and what the port makes of it."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.objects.open import open_objects
from infra.objects.port import BadKey, NoSuchObject, ObjectReplaced, Objects, ObjectStoreError, StoreFull, StoreUnavailable


class Endpoint:
    """Answers everything with one status and S3 error code; with code None, 200 and the start of a body that breaks off."""

    def __init__(self) -> None:
        self.status, self.code = 200, ""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(handler) -> None:
                handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
                body = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode() if self.code else b"12345"
                handler.send_response(self.status)
                handler.send_header("Content-Type", "application/xml")
                handler.send_header("Content-Length", str(len(body) if self.code else 10))
                handler.send_header("ETag", '"e1"')
                handler.end_headers()
                handler.wfile.write(body)
                handler.close_connection = not self.code

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(handler, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()
    threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True).start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def objects(endpoint: Endpoint) -> Objects:
    return open_objects(f"http://key:secret@127.0.0.1:{endpoint.server.server_port}")


def put(objects: Objects) -> None:
    objects.put("media", "a.jpg", [b"x"], content_type="image/jpeg")


def read(objects: Objects) -> None:
    with objects.open("media", "a.jpg", if_match="e0") as stream:
        stream.read()


def listing(objects: Objects) -> None:
    list(objects.list("media"))


@pytest.mark.parametrize(
    ("ask", "status", "code", "expected"),
    [
        (put, 507, "XMinioStorageFull", StoreFull),
        (put, 403, "QuotaExceeded", StoreFull),
        (put, 400, "KeyTooLongError", BadKey),
        (put, 400, "XMinioParentIsObject", BadKey),
        (put, 403, "AccessDenied", StoreUnavailable),
        (put, 404, "NoSuchBucket", StoreUnavailable),
        (put, 500, "InternalError", StoreUnavailable),
        (read, 404, "NoSuchKey", NoSuchObject),
        (read, 404, "NoSuchBucket", StoreUnavailable),
        (read, 412, "PreconditionFailed", ObjectReplaced),
        (read, 403, "SignatureDoesNotMatch", StoreUnavailable),
        (listing, 404, "NoSuchBucket", StoreUnavailable),
    ],
)
def test_the_table(
    endpoint: Endpoint, objects: Objects, ask: Callable[[Objects], None], status: int, code: str, expected: type[ObjectStoreError]
) -> None:
    endpoint.status, endpoint.code = status, code
    with pytest.raises(expected) as caught:
        ask(objects)
    assert type(caught.value) is expected
    assert caught.value.__cause__ is not None


def test_a_body_that_breaks_off(endpoint: Endpoint, objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        objects.fetch("media", "a.jpg", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(StoreUnavailable):
        read(objects)
