"""A large file straight into the store, in parts, over a line that breaks."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import media as eye
from tests.acceptance.system import REPOSITORY, Darkroom, eventually

MIB = 2**20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 70 MiB: a second of picture, then a box that players skip, filled with bytes of which no two MiB are alike."""
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    eye.clip(path, seconds=1, fps=24, size_px=(320, 240))
    missing = 70 * MIB - path.stat().st_size
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free")
        block = bytes(range(251)) * (MIB // 251 + 1)
        for number in range(missing // MIB + 1):
            file.write((number.to_bytes(8, "big") + block)[: min(MIB, missing - 8 - number * MIB)])
    assert path.stat().st_size == 70 * MIB
    return path


def put(system: Darkroom, part: Any, data: bytes) -> dict[str, Any]:
    answer = system.http.request("PUT", part["url"], body=data)
    assert answer.status == 200, answer.data
    return {"part_number": part["part_number"], "etag": answer.headers["ETag"]}


def break_off(url: str, data: bytes) -> None:
    """Half of a part, then the line is cut."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data[: len(data) // 2])


def test_70_mib_over_a_line_that_breaks(system: Darkroom, large: Path) -> None:
    data = large.read_bytes()
    asked = {"filename": "large.mp4", "content_type": "video/mp4", "bytes": len(data)}
    begun = system.call("POST", "/uploads?operations=thumbnail", status=201, json=asked)
    length = begun["part_bytes"]
    assert (length, len(begun["parts"])) == (8 * MIB, 9)

    def bytes_of(part: Any) -> bytes:
        return data[(part["part_number"] - 1) * length :][:length]

    for part in begun["parts"][:4]:
        put(system, part, bytes_of(part))
    break_off(begun["parts"][4]["url"], bytes_of(begun["parts"][4]))

    resumed = system.call("GET", f"/uploads/{begun['upload_id']}")  # another process, which knows no more than the id
    assert [part["part_number"] for part in resumed["parts_done"]] == [1, 2, 3, 4]
    assert [part["part_number"] for part in resumed["parts"]] == [5, 6, 7, 8, 9]
    named = [{name: part[name] for name in ("part_number", "etag")} for part in resumed["parts_done"]]
    named += [put(system, part, bytes_of(part)) for part in resumed["parts"][:-1]]
    short = system.ask("POST", f"/uploads/{begun['upload_id']}/complete", json={"parts": named})
    assert (short.status, json.loads(short.data)["errors"][0]["allowed"]) == (422, f"{len(data)}, as promised")
    assert system.media(begun["media_id"])["state"] == "awaiting_upload"
    named.append(put(system, resumed["parts"][-1], bytes_of(resumed["parts"][-1])))

    media = system.call("POST", f"/uploads/{begun['upload_id']}/complete", json={"parts": named})
    assert media["media_id"] == begun["media_id"]
    again = system.call("POST", f"/uploads/{begun['upload_id']}/complete", json={"parts": named})
    assert again["media_id"] == begun["media_id"]
    media = system.judged(begun["media_id"])
    assert (media["state"], media["sha256"], media["bytes"]) == ("accepted", hashlib.sha256(data).hexdigest(), len(data))
    assert system.job_of(begun["media_id"])["state"] == "done"
    assert system.call("GET", f"/uploads/{begun['upload_id']}")["state"] == "completed"


def test_an_aborted_upload_takes_no_more_parts(system: Darkroom) -> None:
    asked = {"filename": "a.mp4", "content_type": "video/mp4", "bytes": 5, "multipart": True}
    begun = system.call("POST", "/uploads", status=201, json=asked)
    put(system, begun["parts"][0], b"12345")
    assert system.ask("DELETE", f"/uploads/{begun['upload_id']}").status == 204
    assert system.http.request("PUT", begun["parts"][0]["url"], body=b"12345").status == 404
    assert system.ask("GET", f"/media/{begun['media_id']}").status == 404


def test_the_store_may_complete_an_upload_and_nobody_say_so(system: Darkroom, tmp_path: Path) -> None:
    """The notification alone moves the media on: `complete` is asked for, and its answer not waited for."""
    data = eye.with_orientation(tmp_path / "a.jpg", 1).read_bytes()
    asked = {"filename": "a.jpg", "content_type": "image/jpeg", "bytes": len(data), "multipart": True}
    begun = system.call("POST", "/uploads?operations=none", status=201, json=asked)
    body = json.dumps({"parts": [put(system, begun["parts"][0], data)]}).encode()
    parts = urlsplit(system.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        key = f"Authorization: Bearer {system.key}\r\n" if system.key else ""
        head = f"POST /uploads/{begun['upload_id']}/complete HTTP/1.1\r\nHost: {parts.netloc}\r\n{key}Content-Type: application/json\r\n"
        connection.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    eventually(lambda: system.media(begun["media_id"])["state"], lambda state: state == "accepted", 60)


def test_a_page_of_the_gateway_may_send_parts(system: Darkroom) -> None:
    """CORS: the store lets the gateway's own origin send, and see the ETag."""
    asked = {"filename": "a.mp4", "content_type": "video/mp4", "bytes": 5, "multipart": True}
    begun = system.call("POST", "/uploads", status=201, json=asked)
    ask = {"Origin": system.gateway, "Access-Control-Request-Method": "PUT"}
    allowed = system.http.request("OPTIONS", begun["parts"][0]["url"], headers=ask)
    assert allowed.headers["Access-Control-Allow-Origin"] in (system.gateway, "*")
    assert "PUT" in allowed.headers["Access-Control-Allow-Methods"]
    sent = system.http.request("PUT", begun["parts"][0]["url"], body=b"12345", headers={"Origin": system.gateway})
    assert sent.headers["Access-Control-Allow-Origin"] in (system.gateway, "*")
    exposed = sent.headers["Access-Control-Expose-Headers"].lower()
    assert "etag" in exposed or exposed == "*"
    assert system.ask("DELETE", f"/uploads/{begun['upload_id']}").status == 204


def test_submit_goes_on_where_it_was_killed(system: Darkroom, large: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "infra.cli.main", "submit", str(large), "--gateway", system.gateway, "--json"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)} | ({"DARKROOM_API_KEY": system.key} if system.key else {})

    def parts_done() -> int:
        notes = list(tmp_path.glob("darkroom/uploads/*.json"))
        return len(system.call("GET", f"/uploads/{json.loads(notes[0].read_text())}")["parts_done"]) if notes else 0

    first = subprocess.Popen(argv, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
    eventually(parts_done, lambda done: done >= 2, 60)
    first.kill()
    first.wait()
    [note] = tmp_path.glob("darkroom/uploads/*.json")  # killed before its end, or this test shows nothing
    begun = system.call("GET", f"/uploads/{json.loads(note.read_text())}")
    again = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True, timeout=120)
    [file] = json.loads(again.stdout)["files"]
    assert file["media"]["media_id"] == begun["media_id"]
    assert system.judged(begun["media_id"])["state"] == "accepted"
