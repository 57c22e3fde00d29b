"""What a refusal says: the gateway's sentence, and what would have been allowed where the sentence does not say it."""

from typing import Any

import pytest

from infra.cli.client import _next_step, _sentence

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
    assert _sentence(document, 418, "") == sentence


@pytest.mark.parametrize(
    ("method", "path", "status", "step"),
    [
        ("GET", "/jobs", 401, "this command takes its key from DARKROOM_API_KEY, and `darkroom keys create` makes one"),
        ("GET", "/dead-letters?limit=200", 403, "`darkroom keys create --scope SCOPE` makes a key that may, for DARKROOM_API_KEY"),
        ("GET", "/jobs/x", 404, "`darkroom jobs` lists what there is"),
        ("GET", "/media/x/similar?k=1", 404, "`darkroom jobs --json` says which media there are"),
        ("POST", "/dead-letters/x/redrive", 404, ""),  # its sentence is a line's reason
        ("GET", "/media/x/similar?k=1", 409, ""),  # the gateway's own sentence says what to do
    ],
)
def test_what_to_do_about_it(method: str, path: str, status: int, step: str) -> None:
    assert _next_step(method, path, status) == step
    assert _sentence({"detail": "No."}, status, step) == ("No; " + step if step else "No")
