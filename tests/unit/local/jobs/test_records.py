"""What is decided about a Job without running it: names, phases, times, what is on disk, and which manifests are taken."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.broker.binding import decode
from infra.local.broker.structured import decode_structured, encode_structured
from infra.local.errors import UnsupportedManifest
from infra.local.jobs.folder import JobFolder
from infra.local.jobs.record import JobRecord, Phase, after_restart, is_to_go, job_name, left_s
from infra.local.manifests import read_manifests

CREATED = JobRecord(name="sink-1", sink="demo/sink", source="/s", id="1", phase=Phase.WAITING, created_at_s=1000.0)


def test_the_name_is_knatives() -> None:
    """job-sink of 1.23: SINK-, then md5 of source and id in hex."""
    assert job_name("transcode-job", "/s", "1") == "transcode-job-b8a765b7041c79e3f785739f20361857"  # printf /s1 | md5sum
    assert job_name("a", "/s", "1") != job_name("a", "/s", "2") != job_name("a", "/t", "2")
    assert len(job_name("transcode-job", "/s", "1")) <= 63


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Phase.WAITING, Phase.WAITING),  # created: it will run
        (Phase.RUNNING, Phase.FAILED),  # its pod died with its node, and backoffLimit is 0
        (Phase.COMPLETE, Phase.COMPLETE),
        (Phase.FAILED, Phase.FAILED),
        (Phase.STUCK, Phase.STUCK),
    ],
)
def test_what_a_restart_makes_of_a_job(before: Phase, after: Phase) -> None:
    assert after_restart(replace(CREATED, phase=before), 2000.0).phase is after


def test_times() -> None:
    ended = CREATED.ended(Phase.COMPLETE, "", 1100.0)
    assert [is_to_go(ended, 60, now_s) for now_s in (1159.9, 1160.0)] == [False, True]
    assert not is_to_go(ended, None, 1e9)  # without a ttl it stays
    assert not is_to_go(CREATED, 0, 1e9)
    assert (left_s(CREATED, 60, 1010.0), left_s(CREATED, 60, 2000.0), left_s(CREATED, None, 0.0)) == (50.0, 0.0, None)


def test_what_was_created_is_found_again_and_half_made_ones_are_not(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "jobs")
    assert folder.load() == []
    folder.create(CREATED, b"{}")
    running = replace(CREATED, phase=Phase.RUNNING)
    folder.save(running)
    (tmp_path / "jobs" / "half.new").mkdir()
    assert JobFolder(tmp_path / "jobs").load() == [running]
    event = folder.event_path(CREATED.name) / "event"
    assert (event.read_bytes(), event.stat().st_mode & 0o777) == (b"{}", 0o600)  # it holds a token
    assert not (tmp_path / "jobs" / "half.new").exists()
    folder.remove(CREATED.name)
    assert folder.load() == []


def test_a_job_whose_removal_was_cut_short_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between two of its files must not leave a folder without a record, on which every later start would fail."""
    folder = JobFolder(tmp_path / "jobs")
    folder.load()
    folder.create(CREATED, b"{}")
    monkeypatch.setattr(shutil, "rmtree", lambda path, **_: (path / "job.json").unlink())
    folder.remove(CREATED.name)
    monkeypatch.undo()
    assert folder.load() == []
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.parametrize(
    ("content_type", "data", "member"),
    [
        ("application/json", b'{"a": [1]}', {"data": {"a": [1]}}),
        (None, b'{"a": 1}', {"data": {"a": 1}}),
        ("text/plain", "grün".encode(), {"data": "grün"}),
        ("image/png", b"\x89PNG\xff", {"data_base64": "iVBOR/8="}),
        ("application/json", b"", {}),
    ],
)
def test_an_event_is_written_in_structured_mode_and_read_again(content_type: str | None, data: bytes, member: dict[str, Any]) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-lane": "job"}
    event = decode(headers | ({"Content-Type": content_type} if content_type else {}), data)
    written = encode_structured(event)
    assert {name: value for name, value in json.loads(written).items() if name.startswith("data") and name != "datacontenttype"} == member
    again = decode_structured(written)
    assert (again.attributes, again.content_type) == (event.attributes, event.content_type)
    assert again.data.strip() == data or json.loads(again.data) == json.loads(data)


def job_sink(pod: dict[str, Any] | None = None, **job: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "command": ["true"]}], **(pod or {})}}
    spec = {"job": {"spec": {"backoffLimit": 0, "template": template, **job}}}
    return {"apiVersion": "sinks.knative.dev/v1alpha1", "kind": "JobSink", "metadata": {"name": "sink", "namespace": "demo"}, "spec": spec}


def read(tmp_path: Path, document: dict[str, Any]) -> Any:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(document))
    [sink] = read_manifests([tmp_path]).job_sinks
    return sink


def test_its_limits_are_the_manifests(tmp_path: Path) -> None:
    sink = read(tmp_path, job_sink(activeDeadlineSeconds=7, ttlSecondsAfterFinished=0))
    assert (sink.key, sink.active_deadline_s, sink.ttl_s) == ("demo/sink", 7, 0)
    assert (read(tmp_path, job_sink()).active_deadline_s, read(tmp_path, job_sink()).ttl_s) == (None, None)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (job_sink(backoffLimit=6), "backoffLimit: 0"),
        (job_sink({"restartPolicy": "OnFailure"}), "restartPolicy: Never"),
        (job_sink(parallelism=2), "must be 1"),
        (job_sink(suspend=True), "spec.job.spec.suspend"),
        (job_sink({"containers": []}), "no container"),
        (job_sink({"containers": [{"name": "a", "command": ["true"]}, {"name": "b", "command": ["true"]}]}), "several containers"),
        (job_sink(activeDeadlineSeconds="60"), "whole number"),
    ],
)
def test_what_would_run_otherwise_on_a_cluster_is_refused(tmp_path: Path, document: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedManifest, match=reason):
        read(tmp_path, document)
