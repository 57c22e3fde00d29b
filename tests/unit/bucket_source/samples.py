"""One record of each kind of store, in that store's own shape. Values are made up; who says that the shape is so:

MinIO: its server, as the integration tests run it. AWS: "Event message structure" in the S3 user guide, version 2.1. Ceph: its
rgw_pubsub.cc and rgw_notify.cc (`populate_event`), and "Bucket Notifications" in its docs. RustFS: its crates/notify/src/event.rs. Only
MinIO's was seen here.
"""

import copy
from typing import Any

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
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "awsRegion": "eu-central-1",
    "eventTime": "2026-09-07T16:13:09.123Z",
    "eventName": "ObjectCreated:CompleteMultipartUpload",
    "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
    "requestParameters": {"sourceIPAddress": "198.51.100.7"},
    "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcI/JRWeUWerMUE5JgHvANOjpD"},
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "darkroom-uploads",
        "bucket": {"name": "media", "ownerIdentity": {"principalId": "A3NL1KOZZKExample"}, "arn": "arn:aws:s3:::media"},
        "object": {
            "key": "media/a+b%2B%C3%BC%25.jpg",  # the slash as it is
            "size": 482113,
            "eTag": "9b2cf535f27731c974343645a3985328-2",
            "sequencer": "0055AED6DCD90281E5",
        },
    },
}  # fmt: skip
CEPH: dict[str, Any] = {
    "eventVersion": "2.2",
    "eventSource": "ceph:s3",
    "awsRegion": "zonegroup1",
    "eventTime": "2026-09-07T16:13:09.124724Z",
    "eventName": "ObjectCreated:Post",
    "userIdentity": {"principalId": "darkroom"},
    "requestParameters": {"sourceIPAddress": ""},
    "responseElements": {"x-amz-request-id": "503a4c37-85eb-47cd-8681-2817e80b4281.5330.903595", "x-amz-id-2": "14d2-zone1-zonegroup1"},
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "darkroom-uploads",
        "bucket": {
            "name": "media",
            "ownerIdentity": {"principalId": "darkroom"},
            "arn": "arn:aws:s3:zonegroup1::media",
            "id": "503a4c37-85eb-47cd-8681-2817e80b4281.5332.38",
        },
        "object": {
            "key": "media/a b+ü%.jpg",  # never encoded
            "size": 482113,
            "eTag": "9b2cf535f27731c974343645a3985328",
            "versionId": "",
            "sequencer": "F7E6D75DC742D108",
            "metadata": [{"key": "x-amz-meta-camera", "val": "M6"}],
            "tags": [],
        },
    },
    "eventId": "1788797589.124724.9b2cf535f27731c974343645a3985328",
    "opaqueData": "",
}
RUSTFS: dict[str, Any] = {
    "eventVersion": "2.1",
    "eventSource": "rustfs:s3",
    "awsRegion": "",
    "eventTime": "2026-09-07T16:13:09.123Z",
    "eventName": "s3:ObjectCreated:Copy",
    "userIdentity": {"principalId": ""},
    "requestParameters": {"host": "rustfs:9000", "content-type": "image/jpeg", "x-request-id": "861eec7e-4efc-460c-9330-784f03b49e47"},
    "responseElements": {"x-amz-request-id": "", "x-amz-id-2": ""},
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "Config",
        "bucket": {"name": "media", "ownerIdentity": {"principalId": ""}, "arn": "arn:aws:s3:::media"},
        "object": {
            "key": "media%2Fa+b%2B%C3%BC%25.jpg",
            "size": 482113,
            "eTag": "9b2cf535f27731c974343645a3985328",
            "contentType": "image/jpeg",
            "userMetadata": {},
            "sequencer": "18EA739EBF0C3A51",
        },
    },
    "source": {"host": "rustfs", "port": "9000", "userAgent": "darkroom"},
}


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
