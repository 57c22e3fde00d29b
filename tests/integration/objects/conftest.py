"""S3 endpoints for the contract suite: moto's server always, a real MinIO where its binary is on PATH."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from moto.server import ThreadedMotoServer

from infra.objects.names import BUCKETS
from infra.objects.open import open_objects
from infra.objects.port import Objects
from tests import parts
from tests.parts import free_port

__all__ = ["free_port"]


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


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[Endpoint]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Endpoint(url=f"http://{host}:{port}", access_key="access", secret_key="secret/with+odd")
    server.stop()


@contextmanager
def running_minio(data: Path, environment: dict[str, str]) -> Iterator[Endpoint]:
    """A MinIO of one folder, ready."""
    with parts.running_minio(data.parent, environment) as minio:
        yield Endpoint(url=minio.url, access_key=minio.access_key, secret_key=minio.secret_key)


@pytest.fixture(scope="session")
def minio_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with running_minio(tmp_path_factory.mktemp("minio") / "data", {}) as endpoint:
        yield endpoint
