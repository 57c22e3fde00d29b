"""What only a system on real parts can show: two addresses of one store, `darkroom init` again, and search without pgvector."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import media as eye
from tests.acceptance.real import RealParts
from tests.acceptance.system import System

pytestmark = pytest.mark.local("looks at the parts of a system of its own")


def test_init_done_again_changes_nothing(real: tuple[System, RealParts]) -> None:
    first, second = real[1].said
    assert "bucket media: made" in first
    assert "bucket media: uploads are announced to arn:minio:sqs::DARKROOM:webhook" in first
    assert "made" not in second
    assert "announced" not in second
    assert second.splitlines()[-1] == "ready"


def test_clients_are_sent_to_the_public_address_alone(real: tuple[System, RealParts], tmp_path: Path) -> None:
    system, parts = real
    public = parts.environment["OBJECT_STORE_PUBLIC_URL"]
    assert urlsplit(public).netloc != urlsplit(parts.minio.url).netloc
    begun = system.call("POST", "/uploads", status=201, json={"filename": "a.jpg", "content_type": "image/jpeg", "bytes": 5})
    in_parts = system.call(
        "POST", "/uploads", status=201, json={"filename": "a.jpg", "content_type": "image/jpeg", "bytes": 5, "multipart": True}
    )
    media_id = system.upload(eye.with_orientation(tmp_path / "a.jpg", 1))
    system.judged(media_id)
    artifact = system.run(media_id, ["thumbnail"])["tasks"][0]["artifacts"][0]
    original = system.ask("GET", f"/media/{media_id}/original", redirect=False).headers["Location"]
    for url in (begun["url"], in_parts["parts"][0]["url"], artifact["url"], original):
        assert url.startswith(f"{public}/")
    assert system.http.request("GET", artifact["url"]).status == 200
    internal = artifact["url"].replace(public, parts.minio.url)
    assert system.http.request("GET", internal).status == 403  # the host is part of the signature
    for upload in (begun, in_parts):
        assert system.ask("DELETE", f"/uploads/{upload['upload_id']}").status == 204


def test_similar_says_that_it_searched_without_an_index(real: tuple[System, RealParts], tmp_path: Path) -> None:
    system, _ = real
    media_id = system.upload(eye.with_orientation(tmp_path / "a.jpg", 3))
    system.judged(media_id)
    system.run(media_id, ["embed"])
    assert system.call("GET", f"/media/{media_id}/similar")["search"] == "exact"
