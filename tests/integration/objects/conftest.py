"""S3 endpoints for the contract suite: moto's server always, a real MinIO where its binary is on PATH."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import urllib3
from moto.server import ThreadedMotoServer

from infra.objects.names import BUCKETS
from infra.objects.open import open_objects
from infra.objects.port import Objects


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An S3 endpoint that this run may fill and empty."""

    url: str
    access_key: str
    secret_key: str

    @property
    def objects_url(self) -> str:
        return self.url.replace("://", f"://{self.access_key}:{quote(self.secret_key, safe='')}@")

    def objects(self) -> Objects:
        return open_objects(self.objects_url)

    def boto(self):  # type: ignore[no-untyped-def]
        """The independent second client: boto3, as localstack-client sets it up."""
        from localstack_client.session import Session

        host = self.url.removeprefix("http://")
        session = Session(aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key, localstack_host=host)
        return session.client("s3")

    def empty(self) -> None:
        """Makes both buckets, empty."""
        client = self.boto()
        there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        for bucket in BUCKETS:
            if bucket not in there:
                client.create_bucket(Bucket=bucket)
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for found in page.get("Contents", ()):
                    client.delete_object(Bucket=bucket, Key=found["Key"])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[Endpoint]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Endpoint(url=f"http://{host}:{port}", access_key="access", secret_key="secret/with+odd")
    server.stop()


@contextmanager
def running_minio(data: Path, environment: dict[str, str]) -> Iterator[Endpoint]:
    """A MinIO of one folder, ready; skips where there is no binary, unless REQUIRE_MINIO=1 forbids that."""
    binary = shutil.which("minio")
    if binary is None:
        reason = "no `minio` on PATH: go install github.com/minio/minio@latest"
        if os.environ.get("REQUIRE_MINIO") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    port = free_port()
    endpoint = Endpoint(url=f"http://127.0.0.1:{port}", access_key="darkroom", secret_key="darkroom-secret")
    settings = {"MINIO_ROOT_USER": endpoint.access_key, "MINIO_ROOT_PASSWORD": endpoint.secret_key, "MINIO_BROWSER": "off"}
    argv = [binary, "server", str(data), "--address", f"127.0.0.1:{port}", "--quiet"]
    with (data.parent / "minio.log").open("wb") as log:
        process = subprocess.Popen(argv, env={**os.environ, **settings, **environment}, stdout=log, stderr=log)
    try:
        _wait_for(f"{endpoint.url}/minio/health/ready")
        yield endpoint
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, within_s: float = 60) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if urllib3.request("GET", url, retries=False, timeout=2).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)


@pytest.fixture(scope="session")
def minio_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with running_minio(tmp_path_factory.mktemp("minio") / "data", {}) as endpoint:
        yield endpoint
