"""What a delivery is answered with, from claim to reply."""

import functools
import io
import json
import logging
import queue
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from functions.errors import BadInput, Stopped
from functions.media.formats import MediaLimits
from functions.runtime import Job, Outcome, Output
from functions.runtime.handler import MAX_PROBLEM_BYTES, open_surroundings
from functions.runtime.log import LOG
from functions.runtime.settings import BadSetting
from functions.sandbox import Limits, active_layers, layers, run_tool, when_known
from infra.objects.port import StoreUnavailable
from infra.telemetry.log import JsonLines
from schemas.envelope import Event, parse
from schemas.errors import FailureClass
from schemas.events import COMPLETED, FAILED
from schemas.payloads import Completed, Failed
from tests.unit.functions.runtime.conftest import PREFIX, Function

Until = Callable[[Callable[[], bool]], None]


def write_one(job: Job) -> Outcome:
    (job.out / "thumbnail.webp").write_bytes(b"made of " + job.source.read_bytes())
    return Outcome(outputs=[Output(path=job.out / "thumbnail.webp", content_type="image/webp", width_px=3, height_px=2)])


def must_not_run(job: Job) -> Outcome:
    raise AssertionError("there is nothing to do")


def event_of(response: TestResponse) -> Event:
    assert response.status_code == 200
    return parse(dict(response.headers), response.data)


def failure_of(response: TestResponse) -> Failed:
    event = event_of(response)
    assert event.type == FAILED
    return Failed.model_validate(event.data)


def assert_empty(response: TestResponse) -> None:
    assert (response.status_code, response.data) == (200, b"")
    assert "Content-Type" not in response.headers


def assert_problem(response: TestResponse, status: int) -> None:
    assert response.status_code == status
    assert response.mimetype == "text/plain"
    assert 0 < len(response.data) <= MAX_PROBLEM_BYTES


def test_a_whole_attempt(function: Function) -> None:
    event = event_of(function.send(write_one))
    assert (event.id, event.type, event.source) == ("w1.1.completed", COMPLETED, "/darkroom/functions/thumbnail")
    assert (event.operation, event.lane, event.subject, event.traceparent is None) == ("thumbnail", "request", "x", False)
    completed = Completed.model_validate(event.data)
    (artifact,) = completed.artifacts
    assert (artifact.object_key, artifact.bytes, artifact.width_px) == (PREFIX + "thumbnail.webp", 16, 3)
    with function.objects.open("outputs", PREFIX + "thumbnail.webp") as stream:
        assert stream.read() == b"made of original"
    with function.objects.open("outputs", PREFIX + "result.json") as stream:
        assert Completed.model_validate_json(stream.read()) == completed
    claim = function.gateway.beats[0]
    assert (claim["attempt_id"], claim["token"], claim["run_id"], claim["progress"]) == ("w1.1", "t", completed.run_id, None)
    assert list(function.work_dir.iterdir()) == []


def test_a_redelivery_answers_from_the_result_with_no_claim_and_no_work(function: Function) -> None:
    first = event_of(function.send(write_one))
    function.gateway.beats.clear()
    second = event_of(function.send(must_not_run, function.request(token="other")))
    assert {**second.data, "token": ""} == {**first.data, "token": ""}
    assert second.data["token"] == "other"  # never the one that the result was stored with
    assert function.gateway.beats == []


@pytest.mark.parametrize(
    "found", [b"{", b"[]", json.dumps({"attempt_id": "w2.1", "run_id": "r", "operation": "x", "duration_ms": 1}).encode()]
)
def test_a_result_that_is_not_this_attempts_is_none(function: Function, found: bytes) -> None:
    function.objects.put("outputs", PREFIX + "result.json", [found], content_type="application/json")
    assert event_of(function.send(write_one)).type == COMPLETED


@pytest.mark.parametrize(
    ("answer", "status"),
    [("wait", 503), (500, 503), (503, 503), (429, 503), ("nonsense", 503), ("stop", 200), (403, 200), (404, 200)],
)
def test_without_the_claim_nothing_starts(function: Function, answer: str | int, status: int) -> None:
    function.gateway.answers = [answer]
    response = function.send(must_not_run)
    if status == 200:
        assert_empty(response)
    else:
        assert_problem(response, 503)


def test_a_gateway_that_is_not_there_is_503(function: Function) -> None:
    function.gateway.url = "http://127.0.0.1:1"
    assert_problem(function.send(must_not_run), 503)


def test_an_event_without_a_token_runs_without_a_gateway(function: Function) -> None:
    function.gateway.url = "http://127.0.0.1:1"
    event = event_of(function.send(write_one, function.request(token=None)))
    assert event.type == COMPLETED
    assert "token" not in event.data


def test_heartbeats_carry_progress_over_few_connections(function: Function, until: Until) -> None:
    def work(job: Job) -> Outcome:
        for done in (0.25, 0.1, float("nan"), 0.5, 7.0):  # never back, never past the end
            job.progress(done)
            until(lambda: function.gateway.beats[-1]["progress"] is not None)
        until(lambda: function.gateway.beats[-1]["progress"] == 1.0)
        return Outcome()

    assert event_of(function.send(work)).type == COMPLETED
    seen = [beat["progress"] for beat in function.gateway.beats if beat["progress"] is not None]
    assert seen == sorted(seen)
    assert len({beat["run_id"] for beat in function.gateway.beats}) == 1
    assert function.gateway.connections <= 2 < len(function.gateway.beats)


@pytest.mark.parametrize("verdict", ["stop", "wait"])
def test_a_stop_while_working_ends_it_with_no_body(function: Function, until: Until, verdict: str) -> None:
    function.gateway.answers = ["go", "go", verdict]

    def work(job: Job) -> Outcome:
        until(job.stopped)
        raise Stopped

    assert_empty(function.send(work))


def test_work_that_did_not_look_is_stopped_before_it_stores(function: Function, until: Until) -> None:
    function.gateway.answers = ["go", "stop"]

    def work(job: Job) -> Outcome:
        until(job.stopped)
        return write_one(job)

    assert_empty(function.send(work))
    assert list(function.objects.list("outputs")) == []


@pytest.mark.parametrize("answer", [500, 403])
def test_once_started_a_gateway_that_fails_stops_nothing(function: Function, until: Until, answer: int) -> None:
    function.gateway.answers = ["go", answer]

    def work(job: Job) -> Outcome:
        until(lambda: len(function.gateway.beats) > 3)
        assert not job.stopped()
        return write_one(job)

    assert event_of(function.send(work)).type == COMPLETED


def test_a_failure_is_an_event_with_its_class(function: Function) -> None:
    def work(job: Job) -> Outcome:
        raise BadInput("The picture is cut short.", log_tail="\x1b[31m" + "é" * 5000 + "\U0001f600")

    response = function.send(work)
    assert event_of(response).id == "w1.1.failed"
    failed = failure_of(response)
    assert (failed.failure, failed.message, failed.source_gone) == (FailureClass.BAD_INPUT, "The picture is cut short.", False)
    assert failed.log_tail == "é" * 3999 + "·"
    assert list(function.objects.list("outputs")) == []
    assert list(function.work_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "failure"), [(RuntimeError("a bug"), FailureClass.TOOL), (OSError(28, "No space left"), FailureClass.INFRA)]
)
def test_what_nobody_foresaw_is_a_failure_too(function: Function, error: Exception, failure: FailureClass) -> None:
    def work(job: Job) -> Outcome:
        raise error

    failed = failure_of(function.send(work))
    assert failed.failure is failure
    assert str(error) not in failed.message


@pytest.mark.parametrize("changes", [{"source__etag": "older"}, {"source__key": "media/none.jpg"}])
def test_an_original_that_is_gone_says_so(function: Function, changes: dict[str, str]) -> None:
    failed = failure_of(function.send(must_not_run, function.request(**changes)))
    assert (failed.failure, failed.source_gone) == (FailureClass.INFRA, True)


def test_another_version_is_not_made(function: Function) -> None:
    assert failure_of(function.send(must_not_run, function.request(version=2))).failure is FailureClass.INFRA


@pytest.mark.parametrize(
    ("max_wall_s", "allowed_s"),
    [(None, 30), (7, 7), (600, 30)],  # the operation's own deadline, which the broker's timeouts follow, is never passed
)
def test_the_deadline_is_the_operations_or_the_settings_whichever_is_sooner(
    function: Function, max_wall_s: int | None, allowed_s: float
) -> None:
    seen = []

    def work(job: Job) -> Outcome:
        seen.append(job.deadline_s)
        return write_one(job)

    assert event_of(function.send(work, limits=MediaLimits(max_wall_s=max_wall_s))).type == COMPLETED
    assert allowed_s - 5 < seen[0] <= allowed_s


def test_work_that_takes_longer_than_the_settings_allow_is_a_timeout(function: Function) -> None:
    def work(job: Job) -> Outcome:
        run_tool(["/bin/sleep", "60"], read=[], write=job.out, limits=Limits(), deadline_s=job.deadline_s, stopped=job.stopped)
        return Outcome()

    failed = failure_of(function.send(work, limits=MediaLimits(max_wall_s=1)))
    assert (failed.failure, failed.message) == (FailureClass.TIMEOUT, "The work did not end within 1 seconds.")


@pytest.mark.parametrize("name", ["MEDIA_MAX_WALL_S", "MEDIA_MAX_MEMORY_BYTES", "HEARTBEAT_S"])
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("OBJECT_STORE_URL", f"file://{tmp_path}")
    monkeypatch.setenv("WORK_DIR", str(tmp_path / "work"))
    open_surroundings()
    monkeypatch.setenv(name, "soon")
    with pytest.raises(BadSetting, match=name):
        open_surroundings()


def test_an_output_that_is_no_plain_file_is_not_followed(function: Function) -> None:
    def work(job: Job) -> Outcome:
        (job.out / "thumbnail.webp").symlink_to("/etc/passwd")
        return Outcome(outputs=[Output(path=job.out / "thumbnail.webp", content_type="image/webp")])

    assert failure_of(function.send(work)).failure is FailureClass.TOOL
    assert list(function.objects.list("outputs")) == []


def test_an_original_over_the_limit_is_not_even_fetched(function: Function) -> None:
    """Put straight into the bucket, past the gateway's own limit; and larger than any disk, which would be a 503 for ever."""
    failed = failure_of(function.send(must_not_run, max_upload_bytes=3, spare_disk_bytes=1 << 60))
    assert failed.failure is FailureClass.LIMIT
    assert re.fullmatch(r"The file has \d+ bytes; at most 3 are taken\.", failed.message)


def test_no_disk_space_is_503_before_the_claim(function: Function) -> None:
    assert_problem(function.send(must_not_run, spare_disk_bytes=1 << 60), 503)
    assert function.gateway.beats == []


def test_a_store_that_is_away_is_503_before_the_claim_and_a_failure_after(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*arguments: Any, **named: Any) -> Any:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(function.objects, "put_file", away)
    assert failure_of(function.send(write_one)).failure is FailureClass.INFRA
    monkeypatch.setattr(function.objects, "fetch", away)
    assert failure_of(function.send(must_not_run)).failure is FailureClass.INFRA
    function.gateway.beats.clear()
    monkeypatch.setattr(function.objects, "open", away)
    assert_problem(function.send(must_not_run), 503)
    assert function.gateway.beats == []


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": 0},
        {"source": None},
        {"operation": "embed"},
        {"parameters": {"longest_edge_px": 5}},
        {"parameters": {"no_such": 1}},
        {"output_prefix": ""},
        {"output_prefix": "no/slash"},
        {"output_prefix": "../../etc/"},
    ],
)
def test_a_request_that_nobody_could_do_is_400(function: Function, changes: dict[str, Any]) -> None:
    assert_problem(function.send(must_not_run, function.request(**changes)), 400)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"garbage"),
        ({}, b""),
        ({"Content-Type": "application/cloudevents+json"}, b"{}"),
        ({"Content-Type": "application/cloudevents+json"}, b"[" * 20_000),
        ({"Content-Type": "application/cloudevents+json"}, b'{"specversion": "1.0", "id": "' + b"x" * 100_000),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "dev.darkroom.operation.requested"}, b'{"half":'),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "dev.darkroom.operation.requested"}, b"\xff\xfe\x00"),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "x" * 5000}, b"{}"),
    ],
)
def test_garbage_is_400_and_short(function: Function, headers: dict[str, str], body: bytes) -> None:
    assert_problem(function.post(must_not_run, headers, body), 400)


def test_another_type_is_400(function: Function) -> None:
    assert_problem(function.send(must_not_run, type=COMPLETED), 400)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 200), ("GET", "/readyz", 200), ("GET", "/x", 404), ("PUT", "/", 405)])
def test_other_requests(function: Function, method: str, path: str, status: int) -> None:
    response = function.post(must_not_run, {}, b"", method=method, path=path)
    if status == 200:
        assert response.json["operation"] == "thumbnail"  # type: ignore[index]
        assert set(response.json["layers"]) >= {"landlock", "seccomp", "rlimits"}  # type: ignore[index]
    else:
        assert_problem(response, status)


FAILING = "def fails(*_, **__): raise OSError\n"
BROKEN = {
    "landlock": FAILING + "from functions.confine import landlock; landlock.restrict = fails",
    "seccomp": FAILING + "from functions.confine import seccomp; seccomp.install = fails",
    "rlimits": "from functions.confine import layers; layers._limit = lambda rlimits: False",
    "network": "from functions.confine import identity; identity.new_namespaces = lambda: {'network': False, 'uid': True}",
    "uid": "from functions.confine import identity\n"
    "identity.drop_root = lambda **_: False; identity.new_namespaces = lambda: {'network': True, 'uid': False}",
}
"""Python that makes one layer fail in the trial's child."""


@pytest.mark.parametrize("layer", BROKEN)
def test_readyz_says_which_layer_does_not_hold(function: Function, monkeypatch: pytest.MonkeyPatch, layer: str) -> None:
    def start(module: str, argument: str, *, bare: bool) -> subprocess.Popen[bytes]:
        code = f"import sys; sys.path.insert(0, '.')\n{BROKEN[layer]}\nfrom functions.confine.{module} import main; main()"
        return subprocess.Popen([sys.executable, "-c", code, argument], stdout=subprocess.PIPE, start_new_session=True)

    here = active_layers()
    told: queue.Queue[dict[str, bool]] = queue.Queue()
    with monkeypatch.context() as patch:
        patch.setattr(layers, "start", start)
        patch.setattr(layers, "_trial", functools.cache(layers._trial.__wrapped__))
        patch.setattr(layers, "_tried", functools.cache(layers._tried.__wrapped__))
        response = function.post(must_not_run, {}, b"", method="GET", path="/readyz")
        when_known(told.put)
        logged = told.get(timeout=20)
    held = response.json["layers"]  # type: ignore[index]
    assert held[layer] is False
    assert held == logged
    assert {name: held[name] for name in held if name not in (layer, "network", "uid")} == {
        name: here[name] for name in here if name not in (layer, "network", "uid")
    }


def test_one_line_of_json_an_event(function: Function) -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonLines())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        function.send(write_one)
    finally:
        LOG.removeHandler(handler)
    (found,) = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (found["attempt_id"], found["operation"], found["result"], found["status"]) == ("w1.1", "thumbnail", "completed", 200)
    assert isinstance(found["ms"], int)
