"""The HTTP binding and the ingress's admission, by tables."""

from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict

from infra.local.broker.admission import DEFAULT_TTL, RefusedEvent, admit, remaining_passes
from infra.local.broker.binding import decode, encode, handed_on
from infra.local.broker.event import Event, MalformedEvent, utc_timestamp
from infra.local.broker.uri import normalise_uri_reference

REQUIRED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
BINARY = {"ce-" + name: value for name, value in REQUIRED.items()}
STRUCTURED = CIMultiDict({"Content-Type": "application/cloudevents+json"})


def event(**attributes: str) -> Event:
    return Event(attributes={**REQUIRED, **attributes})


def structured(more: str) -> Event:
    return decode(STRUCTURED, b'{"specversion":"1.0","id":"1","source":"/s","type":"t",' + more.encode() + b"}")


def test_binary_mode_out_and_in_again_changes_nothing() -> None:
    original = Event(
        attributes={**REQUIRED, "subject": "café 100%.png", "traceparent": "00-ab-cd-01", "empty": ""},
        content_type="image/png",
        data=b"\x89PNG\r\n\x00",
        headers={"X-Request-Id": "q1"},
    )
    assert encode(original)["ce-subject"] == "café 100%.png"  # raw UTF-8: the Go SDK does not percent-encode
    assert decode(CIMultiDict(encode(original)), original.data) == original


@pytest.mark.parametrize(
    ("member", "content_type", "data"),
    [
        ('"data":{"a": 1}', None, b'{"a": 1}'),
        ('"data": {"a": 1}', None, b' {"a": 1}'),  # as it was sent, blank and all
        ('"data":"text"', None, b'"text"'),
        ('"datacontenttype":"text/plain","data":"a\\nb"', "text/plain", b"a\nb"),
        ('"data":"a\\nb","datacontenttype":"text/plain"', "text/plain", b"a\nb"),
        ('"datacontenttype":"application/json","data":null', "application/json", b"null"),
        ('"datacontenttype":"image/png","data_base64": "AAEC"', "image/png", b"\x00\x01\x02"),
        ('"data_base64":"AAEC"', None, b"\x00\x01\x02"),
        ('"subject":"x"', None, b""),
    ],
)
def test_structured_data(member: str, content_type: str | None, data: bytes) -> None:
    decoded = structured(member)
    assert (decoded.content_type, decoded.data) == (content_type, data)


@pytest.mark.parametrize(
    ("member", "text"),
    [('"x":true', "true"), ('"x":-7', "-7"), ('"x":3.9', "3"), ('"X":"a"', "a"), ('"x":""', ""), ('"x":null', None), ('"x":" 5"', "5")],
)
def test_extensions_become_header_text(member: str, text: str | None) -> None:
    assert structured(member).attributes.get("x") == text


@pytest.mark.parametrize(
    "member",
    [
        '"x":{}',
        '"x":[1]',
        '"x":2147483648',
        '"x-y":"a"',
        '"id":5',
        '"time":"soon"',
        '"source":":"',
        '"source":"%zz"',
        '"subject":"a\\nb"',
        '"datacontenttype":"image/png","data":{}',
        '"data_base64":"*"',
        '"data_base64": "AAEC"',  # the SDK trips over the blank when no datacontenttype came first
        '"x":1} {',
        '"x":',
    ],
)
def test_malformed_structured_events(member: str) -> None:
    with pytest.raises(MalformedEvent):
        structured(member)


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"\xff", b"{" * 100_000, b'{"a":' * 100_000, b"{}", b'{"specversion":"2.0"}'])
def test_hostile_bodies_are_malformed_never_a_crash(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(STRUCTURED, body)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/cloudevents-batch+json"},
        {**BINARY, "ce-specversion": "2.0"},
        {**BINARY, "ce-id": ""},
        {**BINARY, "ce-with-dash": "x"},
        {**BINARY, "ce-time": "soon"},
        {**BINARY, "ce-datacontenttype": "x"},
        {**BINARY, "ce-x": "\udcff"},  # a byte that was no UTF-8
    ],
)
def test_malformed_messages(headers: dict[str, str]) -> None:
    with pytest.raises(MalformedEvent):
        decode(CIMultiDict(headers), b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.100000000Z", "2026-01-02T03:04:05.1Z"),
        ("2026-01-02T03:04:05.123456789z", "2026-01-02T03:04:05.123456789Z"),
    ],
)
def test_times_are_kept_in_utc(text: str, expected: str) -> None:
    assert utc_timestamp(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/images/été", "/images/%C3%A9t%C3%A9"),
        ("not a uri", "not%20a%20uri"),
        ("HTTPS://example.com/a/b?c=d#e", "https://example.com/a/b?c=d#e"),
        ("minio:s3..local.uploads", "minio:s3..local.uploads"),
        ("caf%C3%A9", "caf%C3%A9"),
        ("../up", "../up"),
    ],
)
def test_uris_are_written_as_go_writes_them(text: str, expected: str) -> None:
    assert normalise_uri_reference(text) == expected


def test_headers_that_are_handed_on() -> None:
    headers = {"x-request-id": "1", "X-B3-TraceId": "2", "knative-foo": "3", "Retry-After": "4", "X-Other": "5", "Host": "h"}
    assert handed_on(headers) == {"X-Request-Id": "1", "X-B3-Traceid": "2", "Knative-Foo": "3", "Retry-After": "4"}


@pytest.mark.parametrize(
    ("ttl", "left"),
    [
        (None, DEFAULT_TTL),
        ("x", DEFAULT_TTL),
        ("2147483648", DEFAULT_TTL),  # no 32-bit number
        ("nan", DEFAULT_TTL),
        ("255", 254),
        ("1000", 999),
        ("2.9", 1),
        ("1", 0),
        ("-5", -6),
    ],
)
def test_time_to_live(ttl: str | None, left: int) -> None:
    assert remaining_passes(event().with_attributes(knativebrokerttl=ttl)) == left


def test_admission_marks_the_event() -> None:
    admitted = admit(event(knativebrokerttl="9", knativearrivaltime="forged"), datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC))
    assert admitted.attributes == {**REQUIRED, "knativebrokerttl": "8", "knativearrivaltime": "2026-01-02T03:04:05.6Z"}


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"id": ""}, "id: MUST"),
        ({"type": " "}, "type: MUST"),
        ({"source": ""}, "source: MUST"),
        ({"subject": " "}, "subject"),
        ({"dataschema": "relative"}, "absolute URI"),
        ({"knativebrokerttl": "1"}, "time to live is over"),
        ({"knativebrokerttl": "0"}, "time to live is over"),
    ],
)
def test_admission_refuses(attributes: dict[str, str], reason: str) -> None:
    with pytest.raises(RefusedEvent, match=reason):
        admit(event(**attributes), datetime.now(UTC))
