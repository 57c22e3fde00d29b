"""The S3 adapter over HTTP: the contract suite against moto's emulator and a real MinIO, a second client's view, and every error."""

import pytest
import urllib3

from infra.objects.open import open_objects
from infra.objects.port import Objects, StoreUnavailable
from tests.integration.objects.conftest import Endpoint, free_port
from tests.unit.objects.contract import ObjectsContract, RealContract, begin, complete, pattern, read, send


class TestMoto(ObjectsContract):
    @pytest.fixture
    def objects(self, moto_endpoint: Endpoint) -> Objects:
        moto_endpoint.empty()
        return moto_endpoint.objects()

    def test_a_second_client_sees_the_same(self, objects: Objects, moto_endpoint: Endpoint) -> None:
        _same_for_both(objects, moto_endpoint)


class TestMinio(ObjectsContract, RealContract):
    @pytest.fixture
    def objects(self, minio_endpoint: Endpoint) -> Objects:
        minio_endpoint.empty()
        return minio_endpoint.objects()

    def test_a_second_client_sees_the_same(self, objects: Objects, minio_endpoint: Endpoint) -> None:
        _same_for_both(objects, minio_endpoint)

    def test_a_failed_put_leaves_no_parts_behind(self, objects: Objects, minio_endpoint: Endpoint) -> None:
        self.test_a_put_that_fails_in_the_middle_leaves_nothing(objects, 20 * 1024 * 1024)
        assert "Uploads" not in minio_endpoint.boto().list_multipart_uploads(Bucket="outputs")


def _same_for_both(objects: Objects, endpoint: Endpoint) -> None:
    other = endpoint.boto()
    data = pattern(9 * 1024 * 1024)
    stored = objects.put("outputs", "a b+ü%.webp", [data], content_type="image/webp")
    seen = other.get_object(Bucket="outputs", Key="a b+ü%.webp", IfMatch=f'"{stored.etag}"')
    assert (seen["Body"].read(), seen["ContentType"], seen["ETag"]) == (data, "image/webp", f'"{stored.etag}"')
    etag = other.put_object(Bucket="outputs", Key="theirs ü.jpg", Body=b"theirs", ContentType="image/jpeg")["ETag"].strip('"')
    assert read(objects, "theirs ü.jpg", etag) == b"theirs"
    assert [info.key for info in objects.list("outputs")] == ["a b+ü%.webp", "theirs ü.jpg"]


def test_a_presigned_url_names_the_public_endpoint_and_asks_nobody() -> None:
    objects = open_objects("http://key:secret@internal.invalid:9000?region=eu-central-1", public_url="https://media.example.org")
    url = objects.presign_get("outputs", "a b.jpg", ttl_s=60)
    assert url.startswith("https://media.example.org/outputs/a%20b.jpg?")
    assert "eu-central-1" in url
    grant = objects.presign_post("media", "a.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=5)
    assert grant.url == "https://media.example.org/media"


def test_a_part_goes_to_the_public_endpoint(moto_endpoint: Endpoint) -> None:
    """Begun on the internal endpoint, sent to the public one: two names of one server."""
    moto_endpoint.empty()
    public = moto_endpoint.url.replace("127.0.0.1", "localhost")
    objects = open_objects(moto_endpoint.objects_url, public_url=public)
    upload = begin(objects)
    assert objects.presign_part("media", "big ü.mp4", upload, 1, ttl_s=60).startswith(f"{public}/media/big%20%C3%BC.mp4?")
    complete(objects, upload, [(1, send(objects, upload, 1, b"x"))])


def test_nobody_listens() -> None:
    objects = open_objects(f"http://key:secret@127.0.0.1:{free_port()}")
    for ask in (objects.ready, lambda: objects.head("media", "a"), lambda: list(objects.list("media"))):
        with pytest.raises(StoreUnavailable):
            ask()


def test_a_bucket_is_missing(moto_endpoint: Endpoint) -> None:
    moto_endpoint.empty()
    moto_endpoint.boto().delete_bucket(Bucket="outputs")
    with pytest.raises(StoreUnavailable, match="outputs"):
        moto_endpoint.objects().ready()
    assert urllib3.request("GET", moto_endpoint.url).status == 200
