"""The five ways in, as clients and people use them."""

import io
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from PIL import Image

from tests.acceptance.system import REPOSITORY, Darkroom, System, eventually

DOCUMENTED = """
curl -s -F "file=@sample_data/clip.mp4" http://localhost:8000/media
curl -s -X POST http://localhost:8000/jobs -H 'Content-Type: application/json' \\
  -d '{"media_id": "<media_id>", "operations": ["transcode_480p", "thumbnail"]}'
curl -s http://localhost:8000/jobs/<job_id>
curl -s http://localhost:8000/media/<media_id>/artifacts
"""


def picture(path: Path, shade: int) -> Path:
    Image.effect_mandelbrot((160, 120), (-2, -1.5, 1, 1.5), 20 + shade).convert("RGB").save(path, quality=90)
    return path


def test_the_four_calls_of_the_demo_that_this_replaces(system: Darkroom) -> None:
    known = {"http://localhost:8000": system.gateway}  # `darkroom up` takes port 8000 only where it is free
    if system.key:
        known["curl -s"] = f"curl -s -H 'Authorization: Bearer {system.key}'"

    def run(line: str) -> Any:
        for name, value in known.items():
            line = line.replace(name, value)
        done = subprocess.run(line, shell=True, cwd=REPOSITORY, capture_output=True, check=True)
        return json.loads(done.stdout)

    upload, create, status, artifacts = DOCUMENTED.strip().replace("\\\n", "").splitlines()
    media = run(upload)
    assert media["object_key"] == f"media/{media['media_id']}.mp4"
    known["<media_id>"] = media["media_id"]
    known["<job_id>"] = run(create)["job_id"]
    job = eventually(lambda: run(status), lambda j: j["state"] in ("done", "failed"), 120)
    assert job["state"] == "done"
    made = {artifact["operation"] for artifact in run(artifacts)["artifacts"]}
    assert made == {"transcode", "thumbnail"}


def test_an_upload_by_grant_needs_no_other_call(system: Darkroom, tmp_path: Path) -> None:
    data = picture(tmp_path / "a.jpg", 1).read_bytes()
    grant = system.call("POST", "/uploads", status=201, json={"filename": "a.jpg", "content_type": "image/jpeg", "bytes": len(data)})
    answer = system.http.request("POST", grant["url"], fields=[*grant["fields"].items(), ("file", ("a.jpg", data, "image/jpeg"))])
    assert answer.status in (200, 201, 204), answer.data
    assert system.judged(grant["media_id"])["state"] == "accepted"
    assert system.job_of(grant["media_id"])["state"] == "done"


def test_a_grant_is_for_exactly_that_many_bytes(system: Darkroom) -> None:
    grant = system.call("POST", "/uploads", status=201, json={"filename": "a.jpg", "content_type": "image/jpeg", "bytes": 10})
    answer = system.http.request("POST", grant["url"], fields=[*grant["fields"].items(), ("file", ("a.jpg", b"x" * 11, "image/jpeg"))])
    assert answer.status in (400, 413)
    assert system.media(grant["media_id"])["state"] == "awaiting_upload"


@pytest.mark.local("copies into the store's own folder")
def test_a_file_copied_into_the_buckets_folder_counts(system: System, tmp_path: Path) -> None:
    name = "from a friend/ski +50%.jpg"
    target = system.data / "objects" / "media" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture(tmp_path / "b.jpg", 2), target)

    def found() -> Any:
        return [media for media in system.call("GET", "/media?limit=200")["media"] if media["object_key"] == name]

    media = eventually(found, bool, 150)[0]  # listed every 60 s
    assert system.judged(media["media_id"])["state"] == "accepted"
    assert system.job_of(media["media_id"])["state"] == "done"


def test_structured_and_multipart_and_raw_uploads_are_the_same(system: Darkroom, tmp_path: Path) -> None:
    path = picture(tmp_path / "c.jpg", 3)
    raw = system.media(system.upload(path))
    form = system.call(
        "POST", "/media?operations=none", status=201, fields={"note": "x", "file": ("c.jpg", path.read_bytes(), "image/jpeg")}
    )
    assert (raw["sha256"], raw["bytes"], raw["filename"]) == (form["sha256"], form["bytes"], form["filename"])


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/media/nonsense", {}, 404),
        ("GET", "/nowhere", {}, 404),
        ("PUT", "/jobs", {}, 405),
        ("POST", "/jobs", {"body": b"{"}, 400),
        ("POST", "/jobs", {"body": b"[" * 20_000}, 400),
        ("POST", "/jobs", {"json": {"operations": ["thumbnail"]}}, 422),
        ("POST", "/jobs", {"json": {"media_id": "x", "operations": []}}, 422),
        ("POST", "/jobs", {"json": {"media_id": "x", "operations": ["sharpen"]}}, 422),
        ("POST", "/jobs", {"json": {"media_id": "x", "operations": ["thumbnail", "thumbnail"]}}, 422),
        (
            "POST",
            "/jobs",
            {"json": {"media_id": "x", "operations": [{"operation": "transcode", "parameters": {"short_side_px": 4000}}]}},
            422,
        ),
        ("POST", "/jobs", {"json": {"media_id": "01a204aa-c6e5-7fb4-b432-cb3b44f60a04", "operations": ["thumbnail"]}}, 404),
        ("POST", "/media?operations=sharpen", {"body": b"x"}, 422),
        ("POST", "/media", {"body": b"x", "headers": {"Content-Type": "text/html"}}, 415),
        ("POST", "/media", {"body": b""}, 400),
        ("POST", "/media", {"body": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ("GET", "/media?limit=201", {}, 422),
        ("GET", "/jobs?state=lost", {}, 422),
    ],
)
def test_bad_input_gets_one_clear_problem(system: Darkroom, method: str, path: str, more: Any, status: int) -> None:
    answer = system.ask(method, path, **more)
    assert answer.status == status, answer.data
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.data)
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert not re.search(r"Traceback|sqlalchemy|<html", answer.data.decode())


def test_readiness_says_what_it_checked(system: Darkroom) -> None:
    assert system.call("GET", "/readyz")["checks"] == {"database": "ok", "object_store": "ok"}
    assert system.call("GET", "/healthz")["status"] == "ok"


def test_operations_are_the_catalogue(system: Darkroom) -> None:
    listed = {one["name"]: one for one in system.call("GET", "/operations")["operations"]}
    assert set(listed) == {"thumbnail", "transcode", "embed"}
    assert listed["transcode"]["parameters"]["properties"]["short_side_px"]["maximum"] == 1080
    assert listed["transcode"]["aliases"]["transcode_480p"] == {"short_side_px": 480}


def test_stats_count(system: Darkroom) -> None:
    stats = system.call("GET", "/stats")
    assert {one["name"] for one in stats["functions"]} == {"probe", "thumbnail", "transcode", "embed"}
    assert all((one["min_scale"], one["max_scale"]) == (0, 2) for one in stats["functions"])
    assert stats["media"].keys() == {"awaiting_upload", "uploaded", "accepted", "rejected", "failed"}


@pytest.mark.local("instances are known where an autoscaler tells them")
def test_stats_know_the_instances(system: System) -> None:
    functions = system.call("GET", "/stats")["functions"]
    assert all(0 <= one[count] <= one["max_scale"] for one in functions for count in ("instances", "desired"))


def test_the_dashboard_and_its_assets(system: Darkroom) -> None:
    page = system.ask("GET", "/dashboard")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for asset in re.findall(rb'(?:href|src)="(/dashboard/[^"]+)"', page.data):
        assert system.ask("GET", asset.decode()).status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_lists_go_on_where_they_ended(system: Darkroom, tmp_path: Path) -> None:
    for n in range(3):
        system.upload(picture(tmp_path / f"l{n}.jpg", 10 + n))
    first = system.call("GET", "/media?limit=2")
    second = system.call("GET", f"/media?limit=2&cursor={first['next_cursor']}")
    ids = [media["media_id"] for media in first["media"] + second["media"]]
    assert len(set(ids)) == len(ids) >= 3
    assert ids == sorted(ids, reverse=True)


@pytest.mark.local("asks a second `darkroom up`")
def test_a_second_up_says_who_holds_the_folder(system: System) -> None:
    again = subprocess.run(
        [REPOSITORY / ".venv/bin/darkroom", "up", "--port", "0", "--data", system.data],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        check=False,
    )
    assert again.returncode == 4
    assert str(system.pid) in again.stderr


@pytest.mark.local("asks a second `darkroom up`")
def test_a_second_up_says_who_holds_the_port(system: System, tmp_path: Path) -> None:
    port = str(urlsplit(system.gateway).port)
    again = subprocess.run(
        [REPOSITORY / ".venv/bin/darkroom", "up", "--port", port, "--data", tmp_path / "other"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        check=False,
    )
    assert again.returncode == 4
    assert f"port {port} is held by pid" in again.stderr


@pytest.mark.local("`darkroom status` asks the local platform")
def test_status_lists_instances(system: System) -> None:
    answer = subprocess.run(
        [REPOSITORY / ".venv/bin/darkroom", "status", "--json", "--data", system.data],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        check=True,
    )
    functions = json.loads(answer.stdout)["functions"]
    assert {"probe", "thumbnail", "transcode", "embed"} <= functions.keys()
    ready = [instance for row in functions.values() for instance in row["instances"] if instance["state"] == "ready"]
    assert ready, functions
    for instance in ready:
        assert psutil.pid_exists(instance["pid"]), instance


def test_progress_is_seen(system: Darkroom, tmp_path: Path) -> None:
    from tests import media as eye

    path = eye.clip(tmp_path / "long.mp4", seconds=40, fps=30, size_px=(1280, 720))
    media_id = system.upload(path)
    job = system.call("POST", "/jobs", status=202, json={"media_id": media_id, "operations": ["transcode_1080p"]})
    seen: list[float] = []
    deadline_s = time.monotonic() + 180
    while time.monotonic() < deadline_s:
        task = system.call("GET", f"/jobs/{job['job_id']}")["tasks"][0]
        if task["state"] == "running" and task["progress"]:
            seen.append(task["progress"])
        if task["state"] in ("done", "failed"):
            break
        time.sleep(0.2)
    assert task["state"] == "done", task
    assert seen == sorted(seen)
    assert any(0 < progress < 1 for progress in seen)
    assert io.BytesIO(system.http.request("GET", task["artifacts"][0]["url"]).data).read(8)[4:] == b"ftyp"
