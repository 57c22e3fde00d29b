"""What the doctor finds, and that it says how to mend it."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli.doctor import checks, parts
from infra.cli.doctor.finding import Finding, Weight, in_words
from infra.cli.main import main
from infra.objects.open import prepare_objects
from tests.unit.cli.small_gateway import SmallGateway


def test_a_finding_in_words() -> None:
    good = Finding(check="disk", weight=Weight.OK, found="plenty")
    bad = Finding(check="port", weight=Weight.MISSING, found="8000 is held", mend="stop it")
    assert in_words(good) == "ok       disk      plenty"
    assert in_words(bad).splitlines() == ["missing  port      8000 is held", "                   → stop it"]


def test_a_port_that_is_held() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = checks.listening(port)
    assert finding.weight is Weight.MISSING
    assert f"pid {os.getpid()}" in finding.found
    assert f"--port {port + 1}" in finding.mend
    assert checks.listening(port).weight is Weight.OK


@pytest.fixture
def mute() -> Iterator[int]:
    """A port where somebody takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("url", ["postgresql://me:secret@127.0.0.1:1/ledger", "postgresql://me:secret@127.0.0.1:{mute}/ledger", "nonsense"])
def test_a_database_that_does_not_answer(url: str, mute: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "TIMEOUT_S", 0.2)
    monkeypatch.setenv("DATABASE_URL", url.format(mute=mute))
    finding = parts.database()
    assert finding.weight is Weight.MISSING
    assert "DATABASE_URL" in finding.found
    assert "DATABASE_URL" in finding.mend
    assert "secret" not in in_words(finding)
    assert len(in_words(finding).splitlines()) == 2


@pytest.mark.parametrize(
    ("major", "vector", "weight", "word"),
    [
        (14, True, Weight.MISSING, "15 or newer"),
        (15, False, Weight.WORSE, "pgvector"),
        (15, True, Weight.OK, ""),
        (18, True, Weight.OK, ""),
    ],
)
def test_a_database_of_a_version(major: int, vector: bool, weight: Weight, word: str) -> None:
    finding = parts.judged(f"{major}.2", major, "db:5432", vector=vector)
    assert (finding.weight, f"PostgreSQL {major}.2 at db:5432" in finding.found) == (weight, True)
    assert word in finding.mend


@pytest.mark.parametrize("url", ["http://me:secret@127.0.0.1:1", "http://127.0.0.1:9000", "nonsense", "file:///no/such/folder"])
def test_a_store_that_does_not_answer(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJECT_STORE_URL", url)
    finding = parts.store(tmp_path)
    assert finding.weight is Weight.MISSING
    assert "OBJECT_STORE_URL" in finding.found
    assert "OBJECT_STORE_URL" in finding.mend
    assert "secret" not in in_words(finding)


def test_a_store_of_ones_own_is_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts.store(tmp_path).found == f"a folder, {tmp_path / 'objects'}"
    monkeypatch.setenv("OBJECT_STORE_URL", (tmp_path / "store").as_uri())
    assert (parts.store(tmp_path).weight, (tmp_path / "store").exists()) == (Weight.MISSING, False)
    list(prepare_objects((tmp_path / "store").as_uri(), arn=None))
    assert parts.store(tmp_path).weight is Weight.OK


@pytest.mark.parametrize(("url", "file", "word"), [("", "store-port", "URLs"), ("http://a:b@127.0.0.1:1", "bucket-source-port", "webhook")])
def test_a_kept_port_that_a_stranger_has(
    url: str, file: str, word: str, mute: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBJECT_STORE_URL", url)
    assert list(parts.kept_ports(tmp_path)) == []
    (tmp_path / file).write_text(str(mute))
    (held,) = parts.kept_ports(tmp_path)
    assert (held.weight, f"held by pid {os.getpid()}" in held.found, word in held.mend) == (Weight.WORSE, True, True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    (tmp_path / file).write_text(str(free))
    assert [one.weight for one in parts.kept_ports(tmp_path)] == [Weight.OK]


def test_secrets_that_others_can_read(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.touch(0o644)
    secrets.chmod(0o644)
    assert (checks.folder(tmp_path).weight, checks.folder(tmp_path).mend) == (Weight.WORSE, f"`chmod 600 {secrets}`")
    secrets.chmod(0o600)
    assert checks.folder(tmp_path).weight is Weight.OK
    assert checks.folder(tmp_path / "not" / "yet").found.endswith("will be made")
    assert not (tmp_path / "not").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert checks.folder(tmp_path / "file" / "data").weight is Weight.MISSING


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for needed_bytes, weight in ((2**70, Weight.MISSING), (1, Weight.OK)):
        monkeypatch.setattr(checks, "NEEDED_BYTES", needed_bytes)
        monkeypatch.setattr(checks, "COMFORTABLE_BYTES", needed_bytes)
        assert checks.disk(tmp_path).weight is weight


@pytest.mark.parametrize("path", ["/no/such/ffmpeg", "/bin/echo"])
def test_an_ffmpeg_that_is_none(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.media.ffmpeg import ffmpeg

    monkeypatch.setenv("FFMPEG", path)
    ffmpeg.cache_clear()
    try:
        assert checks.ffmpeg().weight is Weight.MISSING
    finally:
        ffmpeg.cache_clear()


def test_an_ffmpeg_that_lacks_an_encoder_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.media.ffmpeg import ffmpeg
    from functions.media.formats import AUDIO_ENCODERS, VIDEO_ENCODERS

    def found(*encoders: str) -> Weight:
        script = tmp_path / f"ffmpeg-{len(encoders)}"
        script.write_text("#!/bin/sh\necho 'ffmpeg version 9'\n" + "".join(f"echo ' V....D {name} x'\n" for name in encoders))
        script.chmod(0o755)
        monkeypatch.setenv("FFMPEG", str(script))
        ffmpeg.cache_clear()
        return checks.ffmpeg().weight

    try:
        assert found(*VIDEO_ENCODERS, *AUDIO_ENCODERS) is Weight.OK
        assert found(*VIDEO_ENCODERS) is Weight.MISSING
    finally:
        ffmpeg.cache_clear()


def test_a_missing_layer_matters_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.sandbox.active_layers", lambda: {"landlock": False, "seccomp": True})
    assert (checks.sandbox().weight, checks.sandbox().found) == (Weight.WORSE, "without landlock")
    assert "5.13" in checks.sandbox().mend
    monkeypatch.setenv("SANDBOX_REQUIRED", "all")
    assert checks.sandbox().weight is Weight.MISSING


def test_a_running_system_with_a_store_that_is_away(gateway: SmallGateway, tmp_path: Path) -> None:
    gateway.checks = {"database": "ok", "object_store": "unavailable: StoreUnavailable"}
    found = list(checks.system(tmp_path, gateway.url))
    assert [(one.weight, one.found) for one in found] == [
        (Weight.OK, f"{gateway.url} answers"), (Weight.OK, "database ok"), (Weight.MISSING, "object_store unavailable: StoreUnavailable"),
    ]  # fmt: skip
    assert "logs" in found[-1].mend


def test_the_command_fails_where_something_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (checks, parts):
        monkeypatch.setattr(module, "find_spec", lambda _: None)  # neither torch, which is slow to look at, nor a database
    monkeypatch.setenv("OBJECT_STORE_URL", "http://me:secret@127.0.0.1:1")
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = CliRunner().invoke(main, ["doctor", "--json", "--data", str(tmp_path / "file" / "x"), "--port", port])
    said = json.loads(done.stdout)
    states = {one["check"]: one["state"] for one in said["checks"]}
    assert (done.exit_code, said["ok"]) == (1, False)
    assert states | {"folder": "missing", "port": "missing", "database": "missing", "store": "missing", "torch": "worse"} == states
    assert all(one["mend"] for one in said["checks"] if one["state"] != "ok")
