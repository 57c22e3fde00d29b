"""`darkroom redrive` and `darkroom reconcile`, against a real gateway and a real ledger."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from werkzeug.serving import make_server

from gateway.bootstrap import Gateway
from infra.cli.main import main
from infra.objects.folder import FolderObjects
from schemas import events

from .conftest import House
from .test_cancel import accepted, cancel, thumbnails
from .test_path import UPLOAD
from .test_retry import letters


@pytest.fixture
def url(house: House) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, house.public.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(*argv: str) -> Result:
    return CliRunner().invoke(main, argv)


def dead(house: House, *edges: int) -> dict[str, str]:
    """A job whose attempts all end as undeliverable, once each: they wait for their backoff. Returns its id."""
    job = thumbnails(house, accepted(house), *edges)
    for request in house.relay():
        house.event(events.REQUESTED, request.attempt_id, {}, path="/internal/dead-letters", operation="thumbnail")
    return {"job_id": job["job_id"]}


def test_redrive(house: House, url: str) -> None:
    dead(house, 16, 17)
    done = run("redrive", "--gateway", url, "--json")
    assert (done.exit_code, len(json.loads(done.stdout)["redriven"])) == (0, 2)
    assert {request.attempt for request in house.settle()} == {2}  # without waiting for the backoff
    assert run("redrive", "--gateway", url).stdout == "0 redriven, 0 left as they are\n"


def test_redrive_says_what_it_leaves(house: House, url: str) -> None:
    cancel(house, dead(house, 16))
    done = run("redrive", "--gateway", url)
    assert done.exit_code == 0
    row, total = done.stdout.splitlines()
    assert row.split("\t")[1:] == ["thumbnail", "Its task is cancelled"]
    assert total == "0 redriven, 1 left as they are"


def test_redrive_by_class_and_time(house: House, url: str) -> None:
    dead(house, 16)
    house.event(UPLOAD, "n", {"s3": {}})  # quarantined: of no class
    with house.gateway.database.transaction() as session:
        session.execute(text("update dead_letter set received_at = received_at - interval '3 hours' where operation = 'thumbnail'"))
    assert run("redrive", "--gateway", url, "--class", "tool").stdout.startswith("0 redriven")
    assert (
        "0 redriven, 1 left" in run("redrive", "--gateway", url, "--since", "2h").stdout
    )  # the notification, which still cannot be applied
    assert run("redrive", "--gateway", url, "--since", "4h", "--class", "infra").stdout.endswith("1 redriven, 0 left as they are\n")
    assert [letter["redriven_at"] is not None for letter in letters(house)] == [False, True]


def test_usage_and_nobody_there(tmp_path: Path) -> None:
    assert run("redrive", "--gateway", "http://127.0.0.1:9", "--since", "soon").exit_code == 2
    assert run("redrive", "--gateway", "http://127.0.0.1:9").exit_code == 3
    nobody = run("reconcile", "--data", str(tmp_path))
    assert (nobody.exit_code, "no Darkroom runs on" in nobody.stderr) == (3, True)


def test_reconcile(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderObjects(tmp_path / "objects", "http://127.0.0.1:1")
    house = House(Gateway(settings=house.gateway.settings, database=house.gateway.database, objects=store), store)  # type: ignore[arg-type]
    monkeypatch.setenv("DATABASE_URL", house.gateway.settings.database_url.get_secret_value())
    monkeypatch.setenv("ATTEMPT_TOKEN_KEY", house.gateway.settings.attempt_token_key.get_secret_value())
    media = house.upload()
    (tmp_path / "objects" / "media" / "copied.jpg").write_bytes(b"nobody was told")
    store.delete("media", media["object_key"])
    first = run("reconcile", "--data", str(tmp_path), "--json")
    assert (first.exit_code, first.stderr) == (0, "")
    assert json.loads(first.stdout) == {"found": {"objects taken in": 1, "originals gone": 1}}
    assert {one["filename"]: one["state"] for one in house.get("/media")["media"]} == {"copied.jpg": "uploaded", "a.jpg": "failed"}
    (tmp_path / "objects" / "media" / "another.jpg").write_bytes(b"nor here")
    assert run("reconcile", "--data", str(tmp_path)).stdout == "1\tobjects taken in\n"
    assert run("reconcile", "--data", str(tmp_path)).stdout == ""
