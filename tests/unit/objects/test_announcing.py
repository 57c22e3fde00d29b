"""What the listener finds that nobody announced, and how its announcements reach a webhook that is not always there."""

import asyncio
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from infra.objects.folder import FolderObjects
from infra.objects.listener import announcer as announcer_module
from infra.objects.listener.announcer import Announcer
from infra.objects.listener.ledger import Announced
from infra.objects.listener.scan import scan
from tests.unit.objects.contract import ORDERED, put


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


@pytest.fixture
def announced(tmp_path: Path) -> Announced:
    return Announced(tmp_path / "announced.db")


def copy_in(objects: FolderObjects, key: str, data: bytes = b"x") -> Path:
    """What a person does with a file manager."""
    path = objects.root / "media" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def scanned(objects: FolderObjects, announced: Announced, *, later_s: float = 60) -> list[str]:
    """The keys that one scan spools, `later_s` from now; the spool is emptied as if they had been delivered."""
    scan(objects, announced, now_s=time.time() + later_s, settle_s=2)
    found = []
    for entry in objects.spool.entries():
        found.append(unquote_plus(json.loads(entry.read_bytes())["Records"][0]["s3"]["object"]["key"]))
        entry.unlink()
    return found


def test_each_file_is_announced_once(objects: FolderObjects, announced: Announced) -> None:
    for key in ORDERED:
        copy_in(objects, key)
    assert scanned(objects, announced) == list(ORDERED)
    assert scanned(objects, announced) == []
    copy_in(objects, "a0", b"changed")
    copy_in(objects, "a.new")
    copy_in(objects, "zz")
    assert scanned(objects, announced) == ["a.new", "a0", "zz"]
    assert scanned(objects, announced) == []


def test_a_restart_announces_nothing_again_and_a_lost_ledger_everything(objects: FolderObjects, tmp_path: Path) -> None:
    for key in ORDERED:
        copy_in(objects, key)
    scanned(objects, Announced(tmp_path / "announced.db"))
    assert scanned(objects, Announced(tmp_path / "announced.db")) == []
    assert scanned(objects, Announced(tmp_path / "another.db")) == list(ORDERED)


def test_a_file_that_still_grows_is_left_for_later(objects: FolderObjects, announced: Announced) -> None:
    path = copy_in(objects, "a")
    os.utime(path, (1_000_000, 1_000_000))  # as `cp -p` does: only the ctime is fresh
    now_s = time.time()
    assert scan(objects, announced, now_s=now_s + 1, settle_s=2) is True
    assert list(objects.spool.entries()) == []
    assert scan(objects, announced, now_s=now_s + 3, settle_s=2) is False
    assert len(list(objects.spool.entries())) == 1


def test_what_comes_back_after_it_was_gone_is_announced_again(objects: FolderObjects, announced: Announced, tmp_path: Path) -> None:
    path = copy_in(objects, "folder/a")
    assert scanned(objects, announced) == ["folder/a"]
    shutil.move(path.parent, tmp_path / "away")
    assert scanned(objects, announced) == []
    assert list(announced.entries()) == []
    shutil.move(tmp_path / "away", path.parent)  # the same version, its own ctime unchanged
    assert scanned(objects, announced) == ["folder/a"]


def test_outputs_are_not_announced(objects: FolderObjects, announced: Announced) -> None:
    put(objects, "a", b"x", bucket="outputs")
    assert scanned(objects, announced) == []


def test_a_put_and_the_scan_announce_one_and_the_same_arrival(objects: FolderObjects, announced: Announced) -> None:
    put(objects, "a", b"x", bucket="media")  # announced by the put, and not yet delivered when the scan comes by
    scan(objects, announced, now_s=time.time() + 60, settle_s=2)
    by_put, by_scan = (json.loads(entry.read_bytes()) for entry in objects.spool.entries())
    assert by_put == by_scan


class Webhook:
    """A receiver that refuses the first few deliveries."""

    def __init__(self, refusals: list[int]) -> None:
        self.seen: list[tuple[str, str]] = []  # Authorization, Key

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.seen.append((handler.headers["Authorization"], body["Key"]))
                handler.send_response(refusals.pop(0) if refusals else 200)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(handler, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook([500, 503, 404])
    yield receiver
    receiver.server.shutdown()


def test_what_is_spooled_is_delivered_in_order_however_often_it_is_refused(
    objects: FolderObjects, announced: Announced, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer_module, "RETRY_S", 0.05)
    for name in ("1", "2", "3"):
        put(objects, name, b"x", bucket="media")
    (objects.spool.folder / f"{time.time_ns():020d}-broken.json").write_bytes(b'{"Key": "broken"}')

    async def drain() -> None:
        task = asyncio.create_task(Announcer(objects, announced, webhook_url=webhook.url, token="secret").drain_forever())
        async with asyncio.timeout(20):
            while list(objects.spool.entries()):
                await asyncio.sleep(0.01)
            put(objects, "4", b"x", bucket="media")
            while list(objects.spool.entries()):
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(drain())
    assert {token for token, _ in webhook.seen} == {"Bearer secret"}
    assert [key for _, key in webhook.seen] == ["media/1"] * 4 + ["media/2", "media/3", "broken", "media/4"]
    assert [key for key, _ in announced.entries()] == ["1", "2", "3", "4"]
    assert scanned(objects, announced) == []
