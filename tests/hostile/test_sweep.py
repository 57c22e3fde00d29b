"""The long run itself, made short: two samples, a few files of each. It ends, goes on where it stopped, and says what is wrong."""

import json
from pathlib import Path

import pytest

from tests.hostile import sweep
from tests.hostile.damage import WAYS, everything

EACH, KINDS = 2, ("png", "wav")
FILES = len(KINDS) * len(WAYS) * EACH


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sweep, "_FOLDER", tmp_path)
    monkeypatch.setattr(sweep, "everything", lambda each, seed: [one for one in everything(each, seed) if one.kind in KINDS])
    for name, value in {"EACH": str(EACH), "JOBS": "1", "SEED": "short"}.items():
        monkeypatch.setenv(f"HOSTILE_{name}", value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # or it would stay as the sweep sets it
    return tmp_path / "short.jsonl"


def swept() -> int:
    """Its exit status."""
    with pytest.raises(SystemExit) as ended:
        sweep.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_sweep_ends_and_goes_on_where_it_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept() == 0
    said, record = capsys.readouterr().out, folder.read_text()
    assert f"0 judged before, {FILES} to go" in said
    assert f"{FILES} drawn; {FILES} different files judged, 0 left" in said
    lines = [json.loads(line) for line in record.splitlines()]
    assert {(line["kind"], line["way"]) for line in lines} == {(kind, way) for kind in KINDS for way in WAYS}

    assert swept() == 0
    assert f"{FILES} judged before, 0 to go" in capsys.readouterr().out
    assert folder.read_text() == record  # nothing more was done

    lines[0]["ends"], lines[0]["said"] = {"probe": "tool"}, {"probe": "It fell over."}  # a fault, planted
    folder.write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setenv("HOSTILE_MINUTES", "0")
    assert swept() == 1
    assert "1 left" in capsys.readouterr().out

    monkeypatch.delenv("HOSTILE_MINUTES")
    assert swept() == 0  # what had a fault is tried again
    assert f"{FILES} judged before, 1 to go" in capsys.readouterr().out
