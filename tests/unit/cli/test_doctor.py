"""What the doctor finds, and that it says how to mend it."""

import json
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli.doctor import checks
from infra.cli.doctor.finding import Finding, Weight, in_words
from infra.cli.main import main
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
    monkeypatch.setattr(checks, "find_spec", lambda _: None)  # neither torch, which is slow to look at, nor a database
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = CliRunner().invoke(main, ["doctor", "--json", "--data", str(tmp_path / "file" / "x"), "--port", port])
    said = json.loads(done.stdout)
    states = {one["check"]: one["state"] for one in said["checks"]}
    assert (done.exit_code, said["ok"]) == (1, False)
    assert states | {"folder": "missing", "port": "missing", "database": "missing", "torch": "worse"} == states
    assert all(one["mend"] for one in said["checks"] if one["state"] != "ok")
