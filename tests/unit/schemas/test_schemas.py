"""The contracts: catalogue, envelope, keys and ids."""

import json

import pytest

from schemas import envelope, events, keys
from schemas.catalogue import CATALOGUE, names, resolve
from schemas.errors import InvalidParameters, MalformedEvent, UnknownOperation
from schemas.facts import Kind, MediaFacts
from schemas.ids import is_id, uuid7
from schemas.parameters import TranscodeParameters

EVENT = envelope.Event(
    id="w.1", source="/darkroom/gateway", type=events.REQUESTED, subject="m", data={"a": "ü"},
    extensions={"operation": "thumbnail", "lane": "request", "traceparent": "00-1-2-01"},
)  # fmt: skip


def test_alias_and_object_form_are_one_request() -> None:
    assert resolve("transcode_480p").identity == resolve("transcode", {"short_side_px": 480}).identity == resolve("transcode").identity


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("transcode", {"short_side_px": 239}, "short_side_px"),
        ("transcode", {"short_side_px": "480"}, "short_side_px"),
        ("thumbnail", {"format": "gif"}, "format"),
        ("thumbnail", {"size": 1}, "size"),
        ("transcode_480p", {"short_side_px": 720}, "parameters"),
    ],
)
def test_wrong_parameters_say_which_field_and_what_is_allowed(name: str, values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        resolve(name, values)
    problem = caught.value.problems[0]
    assert problem.field == field
    assert problem.allowed


def test_probe_is_not_for_clients() -> None:
    assert "probe" not in names()
    with pytest.raises(UnknownOperation):
        resolve("probe")


def test_prediction_grows_with_pixels_and_time() -> None:
    def predict(short_side_px: int, duration_ms: int) -> float:
        facts = MediaFacts(
            kind=Kind.VIDEO,
            container="mp4",
            width_px=1920,
            height_px=1080,
            duration_ms=duration_ms,
            frame_rate=30,
            sha256="0" * 64,
            bytes=1,
        )
        return CATALOGUE["transcode"].predict_s(TranscodeParameters(short_side_px=short_side_px), facts)

    assert predict(240, 10_000) < predict(480, 10_000) < predict(1080, 10_000) < predict(1080, 20_000)


def test_binary_mode_and_back() -> None:
    headers, body = envelope.to_binary(EVENT)
    assert headers["content-type"] == "application/json"
    again = envelope.parse(headers, body)
    assert (again.id, again.type, again.subject, again.data, again.extensions) == (EVENT.id, EVENT.type, "m", {"a": "ü"}, EVENT.extensions)


def test_structured_mode() -> None:
    text = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "t",
        "operation": "embed",
        "datacontenttype": "application/json",
        "data": {"x": 1},
    }
    event = envelope.parse({"content-type": "application/cloudevents+json"}, json.dumps(text).encode())
    assert (event.operation, event.data) == ("embed", {"x": 1})


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"[" * 20_000, b"null", b"\xff\xfe"])
def test_malformed_data_is_one_clear_error(body: bytes) -> None:
    headers, _ = envelope.to_binary(EVENT)
    with pytest.raises(MalformedEvent):
        envelope.parse(headers, body)


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "application/cloudevents+json"}, {"ce-id": "1", "ce-source": "/", "ce-specversion": "1.0"}]
)
def test_no_envelope_is_one_clear_error(headers: dict[str, str]) -> None:
    with pytest.raises(MalformedEvent):
        envelope.parse(headers, b"{}")


def test_an_event_carries_keys_never_media() -> None:
    with pytest.raises(MalformedEvent):
        envelope.to_binary(envelope.Event(id="1", source="/", type="t", data={"media": "x" * 40_000}, extensions={}))


@pytest.mark.parametrize(
    ("filename", "extension"),
    [("a.JPG", ".jpg"), ("archive.tar.gz", ".gz"), ("no", ""), ("../../etc/passwd", ""), ("a.b/c", ""), ("x.äöü", ""), (".mp4", ".mp4")],
)
def test_a_file_name_gives_a_key_nothing_but_a_plain_extension(filename: str, extension: str) -> None:
    media_id = uuid7()
    key = keys.media_key(media_id, filename)
    assert key == f"media/{media_id}{extension}"
    assert keys.own_media_id(key) == media_id


def test_ids_are_uuid7_in_order() -> None:
    made = [uuid7() for _ in range(3)]
    assert all(is_id(one) for one in made)
    assert not is_id("00000000-0000-4000-8000-000000000000")
    assert not is_id("x")


def test_a_whole_number_is_the_same_however_it_is_written() -> None:
    assert resolve("transcode", {"short_side_px": 480.0}).identity == resolve("transcode", {"short_side_px": 480}).identity
    with pytest.raises(InvalidParameters):
        resolve("transcode", {"short_side_px": 480.5})
