"""From a file that arrives to an event at the broker, with every process that stands between them in production: the store (the folder's
listener, or a real MinIO with a queue_dir) and the bucket source under gunicorn."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from infra.objects.open import open_objects
from infra.objects.port import Objects
from schemas.events import UPLOAD_PREFIX
from tests.integration.objects.conftest import free_port, running_minio
from tests.unit.bucket_source.broker import Ingress
from tests.unit.objects.contract import post_form

WEBHOOK_TOKEN = "a-token"


@contextmanager
def running(argv: list[str], health_url: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, once it answers; it must end within 20 s of SIGTERM, and well."""
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", *argv], env={**os.environ, **environment}, stdout=output, stderr=output)
    try:
        until(lambda: _answers(health_url), log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM), log.read_text()


def until(happened: Callable[[], bool], log: Path, within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@contextmanager
def running_source(port: int, ingress: Ingress, tmp_path: Path) -> Iterator[None]:
    """The bucket source with the manifest's argv."""
    bind = f"--bind=127.0.0.1:{port}"
    argv = ["gunicorn", bind, "--workers=1", "--threads=8", "--timeout=0", "infra.bucket_source.wsgi:app"]
    quarantine = str(tmp_path / "quarantine.jsonl")
    settings = {"K_SINK": ingress.url, "WEBHOOK_TOKEN": WEBHOOK_TOKEN, "QUARANTINE_FILE": quarantine}
    with running(argv, f"http://127.0.0.1:{port}/healthz", tmp_path / "source.log", **settings):
        yield


@pytest.fixture
def ingress() -> Iterator[Ingress]:
    with Ingress().running() as broker:
        yield broker


def told(ingress: Ingress) -> list[tuple[str, str | None, str, int]]:
    """What the broker has: how it arrived, subject, ETag, bytes."""
    seen = [(event.type, event.subject, event.data["s3"]["object"]) for event in ingress.events]
    return [(kind.removeprefix(UPLOAD_PREFIX), subject, told["eTag"], told["size"]) for kind, subject, told in seen]


def expected(objects: Objects, how: str, key: str) -> tuple[str, str, str, int]:
    info = objects.head("media", key)
    assert info is not None
    return how, key, info.etag, info.bytes


def test_the_folder_store(tmp_path: Path, ingress: Ingress) -> None:
    source_port, port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    objects = open_objects(f"file://{tmp_path}/store", public_url=url)
    settings = {
        "OBJECT_STORE_URL": f"file://{tmp_path}/store",
        "OBJECT_STORE_PUBLIC_URL": url,
        "WEBHOOK_URL": f"http://127.0.0.1:{source_port}/",
        "WEBHOOK_TOKEN": WEBHOOK_TOKEN,
        "PORT": str(port),
        "SCAN_EVERY_S": "0.2",
        "SETTLE_S": "0.3",
    }
    log = tmp_path / "listener.log"
    with running(["infra.objects.listener"], f"{url}/healthz", log, **settings):
        objects.put("media", "1 a+ü%.jpg", [b"1"], content_type="image/jpeg")  # nobody takes it yet
        objects.put("outputs", "no.jpg", [b"1"], content_type="image/jpeg")
        until(lambda: "does not answer" in log.read_text(), log)
        with running_source(source_port, ingress, tmp_path):
            grant = objects.presign_post("media", "2.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=2)
            assert post_form(grant, b"22").status == 204
            until(lambda: expected(objects, "Post", "2.jpg") in told(ingress), log)
            upload = objects.create_multipart("media", "joined.mp4", content_type="video/mp4")
            part = urllib3.request("PUT", objects.presign_part("media", "joined.mp4", upload, 1, ttl_s=60), body=b"joined")
            objects.complete_multipart("media", "joined.mp4", upload, [(1, part.headers["ETag"].strip('"'))])
            until(lambda: expected(objects, "CompleteMultipartUpload", "joined.mp4") in told(ingress), log)
            (tmp_path / "store/media/holiday").mkdir()
            (tmp_path / "store/media/holiday/3 ü.jpg").write_bytes(b"333")
            until(lambda: "holiday/3 ü.jpg" in [event.subject for event in ingress.events], log)
    # What waits while its delivery fails may be found by the scan too: then it comes twice, under one id, and the inbox takes one.
    once: dict[str, object] = {}
    for event, seen in zip(ingress.events, told(ingress), strict=True):
        once.setdefault(event.id, seen)
    assert list(once.values()) == [
        expected(objects, "Put", "1 a+ü%.jpg"),
        expected(objects, "Post", "2.jpg"),
        expected(objects, "CompleteMultipartUpload", "joined.mp4"),
        expected(objects, "Put", "holiday/3 ü.jpg"),
    ]


def test_a_restarted_listener_finds_what_came_meanwhile_and_says_nothing_twice(tmp_path: Path, ingress: Ingress) -> None:
    source_port, port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "OBJECT_STORE_URL": f"file://{tmp_path}/store",
        "WEBHOOK_URL": f"http://127.0.0.1:{source_port}/",
        "WEBHOOK_TOKEN": WEBHOOK_TOKEN,
        "PORT": str(port),
        "SETTLE_S": "0.1",
    }
    log = tmp_path / "listener.log"
    media = tmp_path / "store/media"
    media.mkdir(parents=True)
    with running_source(source_port, ingress, tmp_path):
        (media / "1").write_bytes(b"x")
        with running(["infra.objects.listener"], f"{url}/healthz", log, **settings):
            until(lambda: len(ingress.events) == 1, log)
            until(lambda: not list((tmp_path / "store/.notify").glob("*.json")), log)
        (media / "2").write_bytes(b"x")
        with running(["infra.objects.listener"], f"{url}/healthz", log, **settings):
            until(lambda: len(ingress.events) == 2, log)
            until(lambda: not list((tmp_path / "store/.notify").glob("*.json")), log)
    assert [event.subject for event in ingress.events] == ["1", "2"]


def test_a_real_minio(tmp_path: Path, ingress: Ingress) -> None:
    from minio import Minio
    from minio.commonconfig import CopySource, Tags
    from minio.notificationconfig import NotificationConfig, QueueConfig

    source_port = free_port()
    (tmp_path / "queue").mkdir()
    settings = {
        "MINIO_NOTIFY_WEBHOOK_ENABLE_DARKROOM": "on",
        "MINIO_NOTIFY_WEBHOOK_ENDPOINT_DARKROOM": f"http://127.0.0.1:{source_port}/",
        "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_DARKROOM": WEBHOOK_TOKEN,
        "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_DARKROOM": str(tmp_path / "queue"),
        "MINIO_API_SYNC_EVENTS": "on",
    }
    log = tmp_path / "minio.log"
    with running_source(source_port, ingress, tmp_path), running_minio(tmp_path / "data", settings) as endpoint:
        endpoint.empty()
        client = Minio(
            endpoint=endpoint.url.removeprefix("http://"), access_key=endpoint.access_key, secret_key=endpoint.secret_key, secure=False
        )
        queue = QueueConfig(queue="arn:minio:sqs::DARKROOM:webhook", events=["s3:ObjectCreated:*"])
        client.set_bucket_notification(bucket_name="media", config=NotificationConfig(queue_config_list=[queue]))
        objects = endpoint.objects()
        ingress.statuses = [503]
        objects.put("media", "1 a+ü%.jpg", [b"1"], content_type="image/jpeg")
        grant = objects.presign_post("media", "2.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=2)
        assert post_form(grant, b"22").status == 204
        tags = Tags.new_object_tags()
        tags["no"] = "bytes"
        client.set_object_tags(bucket_name="media", object_name="2.jpg", tags=tags)
        objects.put("media", "3.mp4", [bytes(17 * 1024 * 1024)], content_type="video/mp4")
        client.copy_object(bucket_name="media", object_name="4.jpg", source=CopySource("media", "2.jpg"))
        until(lambda: len(ingress.events) >= 4, log)
        assert sorted(told(ingress)) == sorted(
            [
                expected(objects, "Put", "1 a+ü%.jpg"),
                expected(objects, "Post", "2.jpg"),
                expected(objects, "CompleteMultipartUpload", "3.mp4"),
                expected(objects, "Copy", "4.jpg"),
            ]
        )
        assert not (tmp_path / "quarantine.jsonl").exists()
        assert {event.source for event in ingress.events} == {"minio:s3..media"}
