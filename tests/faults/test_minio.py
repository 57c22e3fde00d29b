"""MinIO, and what stands between it and the broker, stopped and started amid uploads. What was accepted is processed, every one.

By a real MinIO whose events wait in its queue folder; the bytes come through the gateway and by grants, which go to MinIO itself.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import urllib3

from tests.acceptance.real import RealParts, real_parts
from tests.acceptance.system import System, eventually, running
from tests.faults.scene import picture

UPLOADS = 200
AWAY_S = 4


def test_minio_stopped_and_started_amid_200_uploads(tmp_path: Path) -> None:
    """Stopped, then killed; the bucket source is held still for a while too. Clients try again until they are told yes."""
    with real_parts(tmp_path / "data") as parts, running(tmp_path / "data", **parts.environment | {"RECONCILE_EVERY_S": "5"}) as system:
        accepted: list[str] = []
        refused: Counter[str] = Counter()

        def send(number: int) -> None:
            data = picture(f"minio {number}")
            accepted.append((by_grant if number % 2 else through_the_gateway)(system, data, refused))

        with ThreadPoolExecutor(8) as clients:
            sent = [clients.submit(send, number) for number in range(UPLOADS)]
            _once(lambda: len(accepted) >= 40)
            parts.minio.stop()
            time.sleep(AWAY_S)
            parts.minio.start()
            _once(lambda: len(accepted) >= 90)
            with held_still(system, "bucket-source"):
                _once(lambda: len(accepted) >= 120)
                parts.minio.stop(signal.SIGKILL)
                time.sleep(AWAY_S)
                parts.minio.start()
            for one in sent:
                one.result()
        assert len(set(accepted)) == UPLOADS
        jobs = [system.job_of(media_id, 180) for media_id in accepted]
        assert Counter(job["state"] for job in jobs) == {"done": UPLOADS}
        assert all(len(task["artifacts"]) == 1 for job in jobs for task in job["tasks"])
        assert {system.media(media_id)["state"] for media_id in accepted} == {"accepted"}
        assert sum(refused.values()) > 0, "MinIO was away, and nobody noticed"
        eventually(lambda: waiting(parts), lambda events: events == 0, 60)
        eventually(lambda: system.call("GET", "/stats")["media"]["uploaded"], lambda left: left == 0, 60)
        print(f"\nMinIO away twice amid {UPLOADS} uploads: {UPLOADS} done; tries refused meanwhile: {dict(refused)}")


def test_what_reaches_minio_while_all_of_ours_is_down_waits_in_its_queue(tmp_path: Path) -> None:
    """Gateway, bucket source and broker are stopped; clients with grants upload all the same."""
    data = tmp_path / "data"
    pictures = [picture(f"down {number}") for number in range(30)]
    with real_parts(data) as parts:
        with running(data, **parts.environment) as system:
            grants = [grant(system, len(one)) for one in pictures]
        http = system.http
        for begun, one in zip(grants, pictures, strict=True):
            assert post(http, begun, one) == 204
        assert waiting(parts) == len(grants)
        with running(data, **parts.environment) as system:
            eventually(lambda: waiting(parts), lambda events: events == 0, 60)
            assert {system.job_of(begun["media_id"])["state"] for begun in grants} == {"done"}
            assert len(system.call("GET", "/media?limit=200")["media"]) == len(grants)


def through_the_gateway(system: System, data: bytes, refused: Counter[str]) -> str:
    def once() -> str | None:
        answer = system.http.request("POST", f"{system.gateway}/media?filename=a.png&operations=thumbnail", body=data)
        assert answer.status in (201, 503), answer.data
        return str(answer.json()["media_id"]) if answer.status == 201 else None

    return _until_taken(once, refused, "by the gateway")


def by_grant(system: System, data: bytes, refused: Counter[str]) -> str:
    begun = grant(system, len(data))
    return _until_taken(lambda: begun["media_id"] if post(system.http, begun, data) == 204 else None, refused, "by MinIO")


def grant(system: System, size_bytes: int) -> Any:
    body = {"filename": "a.png", "content_type": "image/png", "bytes": size_bytes}
    return system.call("POST", "/uploads?operations=thumbnail", status=201, json=body)


def post(http: urllib3.PoolManager, begun: Any, data: bytes) -> int:
    fields = [*begun["fields"].items(), ("file", ("a.png", data, "image/png"))]
    return int(http.request("POST", begun["url"], fields=fields).status)


def waiting(parts: RealParts) -> int:
    """Events that MinIO has not delivered."""
    return sum(len(files) for _, _, files in os.walk(parts.queue))


class held_still:
    """SIGSTOP to every process of a Deployment while the block runs."""

    def __init__(self, system: System, name: str) -> None:
        masters = [one["pid"] for one in system.instances()[name]["instances"]]
        self._pids = [
            pid for master in masters for pid in (master, *(child.pid for child in psutil.Process(master).children(recursive=True)))
        ]

    def __enter__(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGCONT)


def _until_taken(once: Callable[[], str | None], refused: Counter[str], where: str) -> str:
    end_s = time.monotonic() + 120
    while time.monotonic() < end_s:
        try:
            if (media_id := once()) is not None:
                return media_id
        except urllib3.exceptions.HTTPError:
            pass
        refused[where] += 1
        time.sleep(0.2)
    raise AssertionError(f"not taken {where} in two minutes")


def _once(happened: Callable[[], bool], within_s: float = 120) -> None:
    eventually(happened, bool, within_s)
