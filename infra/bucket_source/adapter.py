"""Bucket notifications to CloudEvents, by the CloudEvents adapter for AWS S3. Pure.

MinIO, RustFS, Ceph RGW, the folder store's listener and AWS itself send `{"Records": […]}`. Records are judged one by one, so that a broken
one takes no other with it. Source: https://github.com/cloudevents/spec/blob/main/cloudevents/adapters/aws-s3.md
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.envelope import Event
from schemas.errors import MalformedEvent
from schemas.events import UPLOAD_TYPES

_TYPE_PREFIX = "com.amazonaws.s3."
_KEY_AS_IT_IS = frozenset({"ceph:s3"})
"""Sources whose records have the object's key itself; all others query-escape it. Source: rgw_notify.cc of Ceph, `populate_event`."""


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Object(_Lenient):
    key: str = Field(min_length=1)
    etag: str = Field(alias="eTag", min_length=1)
    size: int = Field(ge=0)
    sequencer: str = ""


class _Bucket(_Lenient):
    name: str = Field(min_length=1)


class _S3(_Lenient):
    bucket: _Bucket
    object: _Object


class _Record(_Lenient):
    source: str = Field(alias="eventSource", min_length=1)
    region: str = Field(alias="awsRegion", default="")
    time: str = Field(alias="eventTime", min_length=1)
    response: dict[str, str] = Field(alias="responseElements", default={})
    s3: _S3


def records(body: bytes) -> list[Any]:
    """The records of a webhook's body, not yet looked at.

    Raises:
        MalformedEvent: no JSON object with a list of records.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedEvent("the body is no JSON") from exc
    found = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise MalformedEvent("the body has no list of records")
    return found


def upload(record: Any) -> Event | None:
    """One record as a CloudEvent; None where it tells of no new bytes (tags, retention, removals).

    The event's subject and its data's key are the object's key, unescaped once if the store escapes it. Its id is the same whenever the
    store sends this notification again, and another one for every other: the request's id alone would not do, since one request may write
    many objects.

    Raises:
        MalformedEvent: a record that lacks what an upload must have.
    """
    name = record.get("eventName") if isinstance(record, dict) else None
    if not isinstance(name, str):
        raise MalformedEvent("the record has no eventName")
    kind = _TYPE_PREFIX + name.removeprefix("s3:")
    if kind not in UPLOAD_TYPES:
        return None
    try:
        json.dumps(record, ensure_ascii=False).encode()  # JSON can spell half a character, which no header and no later JSON can carry
        read = _Record.model_validate(record)
        key = read.s3.object.key if read.source in _KEY_AS_IT_IS else unquote_plus(read.s3.object.key, errors="strict")
    except (ValidationError, UnicodeError) as exc:
        raise MalformedEvent(f"the record of {name} is incomplete or wrong") from exc
    etag = read.s3.object.etag.strip('"')
    return Event(
        id=".".join(_id_parts(read, key, etag)),
        source=f"{read.source}.{read.region}.{read.s3.bucket.name}",
        type=kind,
        subject=key,
        time=read.time,
        data=_unescaped(record, key, etag),
        extensions={},
    )


def _id_parts(record: _Record, key: str, etag: str) -> Iterator[str]:
    for name in ("x-amz-request-id", "x-amz-id-2"):
        if record.response.get(name):
            yield record.response[name]
    identity = json.dumps([record.s3.bucket.name, key, etag, record.s3.object.sequencer])
    yield hashlib.sha256(identity.encode()).hexdigest()[:32]


def _unescaped(record: Mapping[str, Any], key: str, etag: str) -> dict[str, Any]:
    return {**record, "s3": {**record["s3"], "object": {**record["s3"]["object"], "key": key, "eTag": etag}}}
