"""What people write after --op."""

from typing import Any

import pytest

from infra.cli.operations import parse


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("thumbnail", "thumbnail"),
        ("transcode_480p", "transcode_480p"),
        (" thumbnail ", "thumbnail"),
        ("transcode:short_side_px=720", {"operation": "transcode", "parameters": {"short_side_px": 720}}),
        (
            "thumbnail:longest_edge_px=640,format=jpeg",
            {"operation": "thumbnail", "parameters": {"longest_edge_px": 640, "format": "jpeg"}},
        ),
        ("embed: model = openclip , frames = 4", {"operation": "embed", "parameters": {"model": "openclip", "frames": 4}}),
        ("x:a=1.5,b=true,c=null,d=[1],e=-3", {"operation": "x", "parameters": {"a": 1.5, "b": True, "c": "null", "d": "[1]", "e": -3}}),
        ("x:a=b=c", {"operation": "x", "parameters": {"a": "b=c"}}),
    ],
)
def test_an_operation_is_read(text: str, wish: Any) -> None:
    assert parse(text) == wish


@pytest.mark.parametrize("text", ["", " ", ":a=1", "thumbnail:", "thumbnail:a", "thumbnail:a=", "thumbnail:=1", "x:a=1,", "x:a=1,a=2"])
def test_what_is_none_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"an example is|twice"):
        parse(text)
