"""What JSON bodies may hold."""

import json

import pytest
from flask import Flask, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.domain.parts import MOST_PARTS
from gateway.service.errors import Invalid
from gateway.web import bodies


def completion(parts: int) -> bytes:
    """Written as people's tools do, with spaces, and with ETags as the store answers them, in quotes."""
    return json.dumps({"parts": [{"part_number": n, "etag": f'"{n:032x}-10"'} for n in range(1, parts + 1)]}, indent=2).encode()


def read(raw: bytes, model: type[bodies.Body]) -> bodies.Body:
    with Flask(__name__).test_request_context(method="POST", data=raw, content_type="application/json"):
        return bodies.read_json(request, model)


def test_the_most_parts_there_can_be_fit_into_a_completion() -> None:
    raw = completion(MOST_PARTS)
    assert bodies.MAX_JSON_BYTES < len(raw) <= bodies.CompletionBody.MAX_BYTES
    assert len(read(raw, bodies.CompletionBody).parts) == MOST_PARTS


def test_other_bodies_are_no_larger_for_that() -> None:
    with pytest.raises(RequestEntityTooLarge):
        read(completion(MOST_PARTS), bodies.UploadBody)


def test_a_completion_has_its_bound_too() -> None:
    with pytest.raises(RequestEntityTooLarge):
        read(completion(MOST_PARTS) + b" " * bodies.CompletionBody.MAX_BYTES, bodies.CompletionBody)


@pytest.mark.parametrize(
    ("bytes_", "fits"), [("12", True), ("12.0", True), ("12.5", False), ("true", False), ('"12"', False), ("1e400", False)]
)
def test_a_whole_number_may_be_written_with_a_point(bytes_: str, fits: bool) -> None:
    raw = f'{{"filename": "a", "content_type": "image/png", "bytes": {bytes_}}}'.encode()
    if not fits:
        with pytest.raises(Invalid):
            read(raw, bodies.UploadBody)
    else:
        assert read(raw, bodies.UploadBody).bytes == 12


@pytest.mark.parametrize("etag", ["", "é", "a b", "0" * 101])
def test_an_etag_is_printable_and_short(etag: str) -> None:
    with pytest.raises(ValidationError):
        bodies.NamedPart(part_number=1, etag=etag)


def test_what_is_allowed_does_not_say_what_was_given() -> None:
    with pytest.raises(Invalid) as refused:
        read(b'{"media_id": "x", "operations": []}', bodies.JobBody)
    assert [(one.field, one.allowed) for one in refused.value.problems] == [("operations", "min_length 1")]
