"""What a refusal says: the gateway's sentence, and what would have been allowed where the sentence does not say it."""

from typing import Any

import pytest

from infra.cli.client import _sentence

BOUNDS = {"field": "k", "message": "'0' given", "allowed": "1 to 100"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"detail": "There is no media x.", "errors": []}, "There is no media x"),
        ({"detail": "k is out of bounds.", "errors": [BOUNDS]}, "k is out of bounds; k may be 1 to 100"),
        ({"detail": "k goes from 1 to 100.", "errors": [BOUNDS]}, "k goes from 1 to 100"),
        ({"detail": "No.", "errors": [{"field": "a", "message": "too long", "allowed": None}]}, "No; too long"),
        ({"detail": "It is too long.", "errors": [{"field": "a", "message": "too long"}]}, "It is too long"),
        ({}, "the gateway answers 418"),
    ],
)
def test_a_refusal_is_one_sentence(document: dict[str, Any], sentence: str) -> None:
    assert _sentence(document, 418) == sentence


def test_who_has_no_key_is_told_where_it_goes() -> None:
    assert _sentence({"detail": "This API key is not known here, or was revoked."}, 401) == (
        "This API key is not known here, or was revoked; this command takes its key from DARKROOM_API_KEY"
    )
