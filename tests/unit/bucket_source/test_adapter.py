"""Notifications of five stores, as each sends them, and what becomes of them."""

import copy
import json
from typing import Any

import pytest

from infra.bucket_source.adapter import records, upload
from infra.objects.notification import Arrival
from schemas.envelope import parse, to_binary
from schemas.errors import MalformedEvent

MINIO: dict[str, Any] = {
    "eventVersion": "2.0",
    "eventSource": "minio:s3",
    "awsRegion": "",
    "eventTime": "2026-09-07T16:13:09.123Z",
    "eventName": "s3:ObjectCreated:Put",
    "userIdentity": {"principalId": "darkroom"},
    "requestParameters": {"principalId": "darkroom", "region": "", "sourceIPAddress": "127.0.0.1"},
    "responseElements": {"x-amz-id-2": "dd9025bab4ad", "x-amz-request-id": "18EA739EBEC8A5E3", "x-minio-deployment-id": "1f5e"},
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "Config",
        "bucket": {"name": "media", "ownerIdentity": {"principalId": "darkroom"}, "arn": "arn:aws:s3:::media"},
        "object": {
            "key": "media%2Fa+b%2B%C3%BC%25.jpg",
            "size": 482113,
            "eTag": "9b2cf535f27731c974343645a3985328",
            "contentType": "image/jpeg",
            "sequencer": "18EA739EBF0C3A51",
        },
    },
    "source": {"host": "127.0.0.1", "port": ""},
}
AWS: dict[str, Any] = {
    **MINIO,
    "eventSource": "aws:s3",
    "awsRegion": "eu-central-1",
    "eventName": "ObjectCreated:CompleteMultipartUpload",
    "s3": {**MINIO["s3"], "object": {**MINIO["s3"]["object"], "key": "media/a%20b%2B%C3%BC%25.jpg"}},
}
CEPH: dict[str, Any] = {**MINIO, "eventSource": "ceph:s3", "awsRegion": "default", "eventName": "ObjectCreated:Post"}
CEPH["s3"] = {
    **MINIO["s3"],
    "object": {**MINIO["s3"]["object"], "key": "media/a b%2B%C3%BC%25.jpg", "eTag": '"9b2cf535f27731c974343645a3985328"'},
}
RUSTFS: dict[str, Any] = {**MINIO, "eventSource": "rustfs:s3", "eventName": "s3:ObjectCreated:Copy", "responseElements": {}}


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one field set; None removes it."""
    result = copy.deepcopy(record)
    *folders, name = path.split(".")
    place = result
    for folder in folders:
        place = place[folder]
    if value is None:
        del place[name]
    else:
        place[name] = value
    return result


@pytest.mark.parametrize(
    ("record", "type_", "source"),
    [
        (MINIO, "com.amazonaws.s3.ObjectCreated:Put", "minio:s3..media"),
        (AWS, "com.amazonaws.s3.ObjectCreated:CompleteMultipartUpload", "aws:s3.eu-central-1.media"),
        (CEPH, "com.amazonaws.s3.ObjectCreated:Post", "ceph:s3.default.media"),
        (RUSTFS, "com.amazonaws.s3.ObjectCreated:Copy", "rustfs:s3..media"),
    ],
)
def test_an_upload(record: dict[str, Any], type_: str, source: str) -> None:
    event = upload(record)
    assert event is not None
    assert (event.type, event.source, event.time) == (type_, source, "2026-09-07T16:13:09.123Z")
    assert event.subject == "media/a b+ü%.jpg"  # unescaped once: %2B is a plus, %25 a percent sign
    told = event.data["s3"]["object"]
    assert (told["key"], told["eTag"], told["size"]) == ("media/a b+ü%.jpg", "9b2cf535f27731c974343645a3985328", 482113)
    assert event.data["s3"]["bucket"]["name"] == "media"
    headers, body = to_binary(event)
    assert parse(headers, body) == event


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
