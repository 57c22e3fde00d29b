"""Settings from an environment, and private folders."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.runtime.settings import BadSetting, Settings
from functions.runtime.workspace import sweep, workspace
from infra.telemetry.log import JsonLines


def test_settings() -> None:
    found = Settings.from_environment({"OBJECT_STORE_URL": "file:///s", "HEARTBEAT_S": "0.5", "WORK_DIR": "/w", "GATEWAY_INTERNAL_URL": ""})
    assert found == Settings(object_store_url="file:///s", heartbeat_s=0.5, work_dir=Path("/w"), gateway_internal_url=None)


@pytest.mark.parametrize(
    "wrong", [{}, {"OBJECT_STORE_URL": "s", "HEARTBEAT_S": "0"}, {"OBJECT_STORE_URL": "s", "GATEWAY_TIMEOUT_S": "soon"}]
)
def test_wrong_settings(wrong: dict[str, str]) -> None:
    with pytest.raises(BadSetting):
        Settings.from_environment(wrong)


def test_a_workspace_is_private_and_goes(tmp_path: Path) -> None:
    with workspace(tmp_path) as place:
        assert place.out.is_dir()
        assert place.source.parent.stat().st_mode & 0o077 == 0o011
        (place.out / "left").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from functions.runtime.workspace import workspace\n"
    code += "with workspace(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    with workspace(tmp_path) as place:
        assert len(list(tmp_path.iterdir())) == 2
        assert sweep(tmp_path) == 1
        assert list(tmp_path.iterdir()) == [place.source.parent]


@pytest.mark.parametrize("left", [(), ("source",)])
def test_what_was_killed_while_it_was_made_or_removed_is_swept_too(tmp_path: Path, left: tuple[str, ...]) -> None:
    folder = tmp_path / "darkroom-attempt-x"
    folder.mkdir()
    for name in left:
        (folder / name).write_bytes(b"x")
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_log_lines_are_json() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "a %s", ("word",), None)
    record.attempt_id = "w.1"
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["attempt_id"], line["severity"]) == ("a word", "w.1", "INFO")
    assert line["time"].endswith("Z")
