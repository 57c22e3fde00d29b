"""How `darkroom up` speaks."""

import json

import pytest

from infra.cli.voices import ForPeople, ForPrograms

DOCUMENT = {
    "gateway": "http://127.0.0.1:8000",
    "dashboard": "http://127.0.0.1:8000/dashboard",
    "broker": "http://127.0.0.1:9/a/b",
    "pid": 7,
}


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    ForPeople().ready(DOCUMENT)
    assert capsys.readouterr().out.splitlines() == [
        "gateway    http://127.0.0.1:8000", "dashboard  http://127.0.0.1:8000/dashboard", "broker     http://127.0.0.1:9/a/b",
        "ready; Ctrl-C stops it",
    ]  # fmt: skip
    ForPeople().ready(DOCUMENT | {"webhook": "http://127.0.0.1:5/"})
    assert "webhook    http://127.0.0.1:5/ for the store's events" in capsys.readouterr().out


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    voice = ForPrograms()
    voice.say("probe: started")
    voice.ready(DOCUMENT)
    voice.say("probe: ended")
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == [DOCUMENT, {"said": "probe: ended"}]
    assert said.err == "probe: started\n"
