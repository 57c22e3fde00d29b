"""A store's word that an object arrived, in the form of MinIO's webhook. Pure."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from schemas.times import rfc3339


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One object's arrival.

    `changed_ns` is the file's inode change time: another one for each arrival, and the same one whoever announces it, so that the event's
    id is the same too. `event` has no `s3:` before it.
    """

    bucket: str
    key: str
    etag: str
    size_bytes: int
    changed_ns: int
    event: str

    def body(self) -> bytes:
        """The webhook's JSON body as MinIO sends it: an envelope around one record, the record's key escaped as in a query."""
        sequencer = f"{self.changed_ns:X}"
        record = {
            "eventVersion": "2.0",
            "eventSource": "darkroom:folder",
            "awsRegion": "local",
            "eventTime": rfc3339(datetime.fromtimestamp(self.changed_ns / 1e9, UTC)),
            "eventName": f"s3:{self.event}",
            "responseElements": {"x-amz-request-id": sequencer},
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": self.bucket, "arn": f"arn:aws:s3:::{self.bucket}"},
                "object": {"key": quote_plus(self.key), "size": self.size_bytes, "eTag": self.etag, "sequencer": sequencer},
            },
        }
        return json.dumps({"EventName": f"s3:{self.event}", "Key": f"{self.bucket}/{self.key}", "Records": [record]}).encode()


def announced(body: bytes) -> tuple[str, str]:
    """Key and ETag of the object that a body of ours announces."""
    record: Any = json.loads(body)["Records"][0]["s3"]["object"]
    return unquote_plus(record["key"]), record["eTag"]
