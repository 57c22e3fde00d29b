"""Large files in parts: a line that breaks, a command that is stopped, a store that cannot be reached."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.cli import parts
from infra.cli.errors import ApiError, GatewayUnreachable

PART = 1000
DATA = bytes(range(256)) * 18  # five parts, the last of 608 bytes


class Store:
    """Takes parts. `breaks` says for which number how often the line breaks first."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.breaks: dict[int, int] = {}
        self.seen: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(handler) -> None:
                number = int(handler.path.strip("/"))
                self.seen.append(number)
                if self.breaks.get(number, 0):
                    self.breaks[number] -= 1
                    handler.connection.close()
                    return
                self.parts[number] = handler.rfile.read(int(handler.headers["Content-Length"]))
                handler.send_response(200)
                handler.send_header("ETag", f'"{hashlib.md5(self.parts[number]).hexdigest()}"')
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(handler, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Store"]:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()


class Gateway:
    """The three calls, over one store."""

    base = "http://gateway"

    def __init__(self, store: Store) -> None:
        self.store, self.begun, self.completed, self.silent = store, 0, b"", False

    def get(self, path: str, *, also: int = 200) -> dict[str, Any]:
        if path == f"/media/m{self.begun}":
            return {"media_id": f"m{self.begun}"}
        if path != f"/uploads/u{self.begun}":
            raise ApiError(404, "There is no such upload.")
        done = [{"part_number": n, "etag": hashlib.md5(data).hexdigest(), "bytes": len(data)} for n, data in self.store.parts.items()]
        missing = [n for n in range(1, 6) if n not in self.store.parts]
        urls = [{"part_number": n, "url": f"{self.store.url}/{n}"} for n in missing]
        about = {"upload_id": f"u{self.begun}", "media_id": f"m{self.begun}", "part_bytes": PART}
        return {**about, "state": "completed" if self.completed else "open", "parts": urls, "parts_done": done}

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        if path.startswith("/uploads?"):
            assert document["bytes"] == len(DATA)
            self.begun += 1
            self.store.parts.clear()
            return self.get(f"/uploads/u{self.begun}")
        assert [part["part_number"] for part in document["parts"]] == sorted(self.store.parts)
        self.completed = b"".join(self.store.parts[part["part_number"]] for part in document["parts"])
        if self.silent:
            raise GatewayUnreachable("nobody answers")
        return {"media_id": f"m{self.begun}"}


@pytest.fixture
def store() -> Iterator[Store]:
    with Store().running() as one:
        yield one


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(parts.time, "sleep", lambda _: None)
    path = tmp_path / "film.mp4"
    path.write_bytes(DATA)
    return path


def send(gateway: Gateway, film: Path, sent: list[float] | None = None) -> Any:
    heard = sent if sent is not None else []
    http = urllib3.PoolManager(retries=False, timeout=5)
    return parts.send_in_parts(gateway, http, film, name="film.mp4", operations="operations=none", sent=heard.append)


def notes(film: Path) -> list[Path]:
    return list((film.parent / "cache/darkroom/uploads").glob("*.json"))


def test_the_parts_are_the_file(store: Store, film: Path) -> None:
    gateway, sent = Gateway(store), list[float]()
    assert send(gateway, film, sent) == {"media_id": "m1"}
    assert gateway.completed == DATA
    assert sent == sorted(sent)
    assert sent[-1] == 1
    assert notes(film) == []


def test_only_the_part_that_broke_is_sent_again(store: Store, film: Path) -> None:
    gateway = Gateway(store)
    store.breaks = {3: 2}
    send(gateway, film)
    assert store.seen == [1, 2, 3, 3, 3, 4, 5]
    assert gateway.completed == DATA


def test_a_command_that_was_stopped_goes_on(store: Store, film: Path) -> None:
    gateway = Gateway(store)
    store.breaks = {4: parts.TRIES}
    with pytest.raises(GatewayUnreachable, match="goes on where it was"):
        send(gateway, film)
    store.seen.clear()
    assert send(gateway, film) == {"media_id": "m1"}
    assert store.seen == [4, 5]
    assert gateway.completed == DATA


def test_a_completion_whose_answer_did_not_come_is_found(store: Store, film: Path) -> None:
    gateway = Gateway(store)
    gateway.silent = True
    with pytest.raises(GatewayUnreachable):
        send(gateway, film)
    store.seen.clear()
    assert send(gateway, film) == {"media_id": "m1"}
    assert (store.seen, notes(film)) == ([], [])


def test_another_content_of_the_file_begins_anew(store: Store, film: Path) -> None:
    gateway = Gateway(store)
    store.breaks = {2: parts.TRIES}
    with pytest.raises(GatewayUnreachable):
        send(gateway, film)
    film.write_bytes(DATA[::-1])
    send(gateway, film)
    assert (gateway.begun, gateway.completed) == (2, DATA[::-1])


def test_a_note_of_an_upload_that_is_gone_is_of_no_use(store: Store, film: Path) -> None:
    gateway = Gateway(store)
    store.breaks = {2: parts.TRIES}
    with pytest.raises(GatewayUnreachable):
        send(gateway, film)
    gateway.begun = 7
    assert send(gateway, film) == {"media_id": "m8"}


def test_a_store_that_cannot_be_reached(store: Store, film: Path) -> None:
    store.breaks = {1: parts.TRIES}
    with pytest.raises(parts.StoreOutOfReach):
        send(Gateway(store), film)
