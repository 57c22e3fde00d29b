"""Notifications of five stores, each in its own shape, and what becomes of them."""

import copy
import json
from typing import Any

import pytest

from infra.bucket_source.adapter import records, upload
from infra.objects.notification import Arrival
from schemas.envelope import parse, to_binary
from schemas.errors import MalformedEvent
from tests.unit.bucket_source.samples import AWS, CEPH, MINIO, RUSTFS, changed

TIME = "2026-09-07T16:13:09.123Z"
ETAG = "9b2cf535f27731c974343645a3985328"


@pytest.mark.parametrize(
    ("record", "kind", "source", "time", "etag"),
    [
        (MINIO, "Put", "minio:s3..media", TIME, ETAG),
        (AWS, "CompleteMultipartUpload", "aws:s3.eu-central-1.media", TIME, ETAG + "-2"),
        (CEPH, "Post", "ceph:s3.zonegroup1.media", "2026-09-07T16:13:09.124724Z", ETAG),
        (RUSTFS, "Copy", "rustfs:s3..media", TIME, ETAG),
        (
            changed(CEPH, "s3.object.size", "482113"),
            "Post",
            "ceph:s3.zonegroup1.media",
            "2026-09-07T16:13:09.124724Z",
            ETAG,
        ),  # as in its docs
        (changed(MINIO, "s3.object.eTag", f'"{ETAG}"'), "Put", "minio:s3..media", TIME, ETAG),
    ],
)
def test_an_upload(record: dict[str, Any], kind: str, source: str, time: str, etag: str) -> None:
    event = upload(record)
    assert event is not None
    assert (event.type, event.source, event.time) == (f"com.amazonaws.s3.ObjectCreated:{kind}", source, time)
    assert event.subject == "media/a b+ü%.jpg"  # unescaped once, where it was escaped: %2B is a plus, %25 a percent sign
    told = event.data["s3"]["object"]
    assert (told["key"], told["eTag"], int(told["size"])) == ("media/a b+ü%.jpg", etag, 482113)
    assert event.data["s3"]["bucket"]["name"] == "media"
    headers, body = to_binary(event)
    assert parse(headers, body) == event


@pytest.mark.parametrize("key", ["a+b.jpg", "100%25.jpg", "a%2Fb", "%ff"])
def test_ceph_does_not_escape(key: str) -> None:
    event = upload(changed(CEPH, "s3.object.key", key))
    assert event is not None
    assert event.subject == key


def test_the_folder_stores_own() -> None:
    arrival = Arrival(
        bucket="media", key="a b+ü%.jpg", etag="18ea-5", size_bytes=5, changed_ns=1_795_373_615 * 10**9, event="ObjectCreated:Post"
    )
    [record] = records(arrival.body())
    event = upload(record)
    assert event is not None
    assert (event.type, event.source, event.subject) == ("com.amazonaws.s3.ObjectCreated:Post", "darkroom:folder.local.media", "a b+ü%.jpg")
    assert event.time == "2026-11-22T18:53:35.000Z"


def test_an_id_is_stable_for_one_notification_and_unique_among_all() -> None:
    def id_of(record: dict[str, Any]) -> str:
        event = upload(record)
        assert event is not None
        return event.id

    assert id_of(MINIO) == id_of(copy.deepcopy(MINIO))
    assert id_of(MINIO).startswith("18EA739EBEC8A5E3.dd9025bab4ad.")
    others = [
        MINIO,
        changed(MINIO, "s3.object.key", "other"),
        changed(MINIO, "s3.object.eTag", "other"),
        changed(MINIO, "s3.object.sequencer", "other"),
        changed(MINIO, "responseElements.x-amz-request-id", "other"),
        RUSTFS,
    ]
    assert len({id_of(record) for record in others}) == len(others)


@pytest.mark.parametrize(
    "name",
    [
        "s3:ObjectCreated:PutTagging",
        "s3:ObjectCreated:DeleteTagging",
        "s3:ObjectCreated:PutRetention",
        "s3:ObjectCreated:PutLegalHold",
        "s3:ObjectRemoved:Delete",
        "s3:ObjectAccessed:Get",
        "ObjectRemoved:Delete",
        "s3:TestEvent",
        "",
    ],
)
def test_what_brings_no_new_bytes_is_passed_over(name: str) -> None:
    assert upload(changed(MINIO, "eventName", name)) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("eventName", None),
        ("eventName", 5),
        ("s3", None),
        ("s3.bucket", None),
        ("s3.bucket.name", ""),
        ("s3.object", []),
        ("s3.object.key", None),
        ("s3.object.key", ""),
        ("s3.object.key", "%ff"),
        ("s3.object.key", "half \ud83d"),
        ("s3.object.eTag", None),
        ("s3.object.size", -1),
        ("s3.object.size", "many"),
        ("eventTime", None),
        ("eventSource", ""),
        ("awsRegion", "\ud800"),
        ("responseElements", "none"),
    ],
)
def test_a_broken_record(path: str, value: Any) -> None:
    with pytest.raises(MalformedEvent):
        upload(changed(MINIO, path, value))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"Records": {}}', b'{"Event": "s3:TestEvent"}', b"[" * 20_000, b"\xff"])
def test_a_broken_body(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        records(body)


def test_records_that_are_no_objects() -> None:
    for record in records(json.dumps({"Records": [None, 1, "x", []]}).encode()):
        with pytest.raises(MalformedEvent):
            upload(record)
