"""Artifacts on a person's disk: whole and right, or not there; nothing overwritten, nothing fetched twice."""

from pathlib import Path
from typing import Any

import pytest

from infra.cli.client import Client
from infra.cli.downloads import download
from infra.cli.errors import CommandError, GatewayUnreachable, WorkFailed
from tests.unit.cli.small_gateway import SmallGateway


@pytest.fixture
def artifact(gateway: SmallGateway) -> dict[str, Any]:
    gateway.bytes["m"] = b"cba"
    return gateway.artifact({"operation": "thumbnail", "parameters": {}}, {"media_id": "m"})


def fetches(gateway: SmallGateway) -> int:
    return sum(target.startswith("/bytes/") for _, target in gateway.calls)


def test_it_is_fetched_once(gateway: SmallGateway, artifact: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        assert download(Client(gateway.url), artifact, folder, "a.webp") == folder / "a.webp"
    assert (folder / "a.webp").read_bytes() == b"abc"
    assert fetches(gateway) == 1


def test_what_is_there_stays(gateway: SmallGateway, artifact: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"mine")
    beside = tmp_path / "a-ba7816bf.webp"  # sha256 of abc begins so (FIPS 180-4)
    for _ in range(2):
        assert download(Client(gateway.url), artifact, tmp_path, "a.webp") == beside
    assert ((tmp_path / "a.webp").read_bytes(), beside.read_bytes(), fetches(gateway)) == (b"mine", b"abc", 1)


def test_wrong_bytes_are_not_kept(gateway: SmallGateway, artifact: dict[str, Any], tmp_path: Path) -> None:
    gateway.spoilt = True
    with pytest.raises(WorkFailed, match="sha256"):
        download(Client(gateway.url), artifact, tmp_path, "a.webp")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_says_no_or_nothing(gateway: SmallGateway, artifact: dict[str, Any], tmp_path: Path) -> None:
    gateway.away = True
    with pytest.raises(WorkFailed, match="503"):
        download(Client(gateway.url), artifact, tmp_path, "a.webp")
    with pytest.raises(GatewayUnreachable, match="store"):
        download(Client(gateway.url), artifact | {"url": "http://127.0.0.1:1/x"}, tmp_path, "a.webp")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none(gateway: SmallGateway, artifact: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="choose another folder"):
        download(Client(gateway.url), artifact, tmp_path / "file", "a.webp")
