"""What the dashboard's pages may load, and where who came by another name goes."""

import pytest

from gateway.dashboard.pages import canonical, origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("https://ACCESS:SECRET@minio.example:9000/path", "https://minio.example:9000"),
        ("https://s3.example", "https://s3.example"),
        ("file:///data/objects", ""),
    ],
)
def test_the_stores_origin(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("host", "public_url", "known_as"),
    [
        ("localhost:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("[::1]:8000", "http://localhost:8000", "http://localhost:8000"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", None),
        ("localhost:9999", "http://127.0.0.1:8000", None),  # a forwarded port
        ("localhost:8000", "https://darkroom.example", None),
        ("elsewhere.example:8000", "http://127.0.0.1:8000", None),
        ("localhost", "http://localhost:8000", None),
    ],
)
def test_one_name_of_this_machine(host: str, public_url: str, known_as: str | None) -> None:
    assert canonical(host, public_url) == known_as
