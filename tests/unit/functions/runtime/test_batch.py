"""One event as a Job: claimed like any other, its reply posted until the broker has it, and what the exit status says."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from functions.errors import BadInput, Stopped
from functions.runtime import Job, Outcome
from functions.runtime.attempt import Surroundings, Work
from functions.runtime.batch import Mail, run_job
from functions.runtime.broker import post
from functions.runtime.gateway import Gateway
from functions.runtime.settings import BadSetting, Settings
from infra.objects.port import StoreUnavailable
from schemas.envelope import Event, parse
from schemas.events import COMPLETED, FAILED, REQUESTED
from tests.unit.functions.runtime.conftest import Function
from tests.unit.functions.runtime.test_handler import must_not_run, write_one

Until = Callable[[Callable[[], bool]], None]
REPOSITORY = Path(__file__).resolve().parents[4]


@dataclass
class FakeBroker:
    """Answers each event with the next of `answers`, the last one for ever."""

    answers: list[int] = field(default_factory=lambda: [202])
    tried: int = 0
    taken: list[Event] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, event: Event) -> int:
        self.tried += 1
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status == 202:
            self.taken.append(event)
        return status


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    fake = FakeBroker()

    class Ingress(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fake.authorizations.append(self.headers["Authorization"])
            self.send_response(fake.answer(parse(dict(self.headers), body)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ingress) as server:
        server.daemon_threads = True
        fake.url = f"http://127.0.0.1:{server.server_port}/darkroom/default"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield fake
        server.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pauses, a hundred times as fast."""
    monkeypatch.setattr("functions.runtime.broker.time.sleep", lambda seconds: threading.Event().wait(seconds / 100))


@pytest.fixture
def run(function: Function, broker: FakeBroker, tmp_path: Path) -> Callable[..., int]:
    def run(work: Work, *, type: str = REQUESTED, body: bytes | None = None, open_: Any = None, **changes: Any) -> int:
        mail = Mail(event_file=tmp_path / "jobsink-event" / "event", broker_url=broker.url)
        mail.event_file.parent.mkdir()
        mail.event_file.write_bytes(body or structured(function.request(**changes), type=type))
        settings = Settings(object_store_url="memory", work_dir=function.work_dir, heartbeat_s=0.05, spare_disk_bytes=1)
        around = Surroundings(settings=settings, objects=function.objects, gateway=Gateway(function.gateway.url, timeout_s=5))
        return run_job("thumbnail", work, mail, surroundings=open_ or (lambda: around))

    return run


def structured(data: dict[str, Any], *, type: str = REQUESTED) -> bytes:
    """The event's file as a JobSink writes it."""
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    attributes = {"specversion": "1.0", "id": "w1.1", "source": "/darkroom/gateway", "type": type, "subject": "x"}
    return json.dumps(
        attributes | {"datacontenttype": "application/json", "operation": "thumbnail", "lane": "job", "traceparent": trace, "data": data}
    ).encode()


def test_a_whole_job(run: Callable[..., int], function: Function, broker: FakeBroker) -> None:
    assert run(write_one) == 0
    [reply] = broker.taken
    assert (reply.id, reply.type, reply.source) == ("w1.1.completed", COMPLETED, "/darkroom/functions/thumbnail")
    assert (reply.operation, reply.lane, reply.subject) == ("thumbnail", "job", "x")
    assert (reply.traceparent or "").split("-")[1] == "1" * 32
    assert reply.data["artifacts"][0]["object_key"].endswith("thumbnail.webp")
    assert function.gateway.beats[0]["attempt_id"] == "w1.1"


def test_a_result_that_is_there_is_the_reply_and_nothing_is_done_twice(
    run: Callable[..., int], function: Function, broker: FakeBroker
) -> None:
    function.send(write_one)  # an earlier run, by request
    assert run(must_not_run) == 0
    assert [reply.type for reply in broker.taken] == [COMPLETED]


def test_a_reply_is_posted_until_the_broker_has_it(run: Callable[..., int], broker: FakeBroker) -> None:
    broker.answers = [500, 503, 404, 202]
    assert run(write_one) == 0
    assert (broker.tried, len(broker.taken)) == (4, 1)


@pytest.mark.parametrize("status", [400, 413])
def test_a_reply_that_the_broker_will_never_take_is_not_posted_again(run: Callable[..., int], broker: FakeBroker, status: int) -> None:
    broker.answers = [status]
    assert run(write_one) == 1
    assert broker.tried == 1


def test_a_broker_that_asks_is_told_who_sends(broker: FakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.identity.TOKEN_FILE", tmp_path / "token")
    (tmp_path / "token").write_text("a.b.c")
    event = Event(id="1", source="/x", type=COMPLETED, data={}, subject=None, extensions={})
    assert post(broker.url, event, given_up=lambda: False)
    assert broker.authorizations == ["Bearer a.b.c"]


def test_a_broker_that_is_not_there_is_given_up_in_the_end() -> None:
    event = Event(id="i", source="/s", type=FAILED, data={}, extensions={})
    assert post("http://127.0.0.1:1/", event, given_up=lambda: False, patience_s=3) is False


def test_the_run_beats_while_its_failure_waits_for_the_broker(
    run: Callable[..., int], function: Function, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure has no other trace: were the lease to lapse, the reaper would have the work done again."""
    monkeypatch.setattr("functions.runtime.broker.time.sleep", lambda _seconds: threading.Event().wait(0.3))
    broker.answers = [503, 503, 202]

    def fail(job: Job) -> Outcome:
        function.gateway.beats.clear()
        raise BadInput("It is broken.")

    assert run(fail) == 0
    assert broker.taken[0].type == FAILED
    assert len(function.gateway.beats) >= 3


def test_a_failure_that_nobody_waits_for_any_more_is_not_posted_on(run: Callable[..., int], function: Function, broker: FakeBroker) -> None:
    broker.answers = [503]
    function.gateway.answers = ["go", "stop"]

    def fail(job: Job) -> Outcome:
        while not job.stopped():
            threading.Event().wait(0.01)
        raise BadInput("It is broken.")

    assert run(fail) == 1
    assert broker.tried == 1


def test_a_cancel_is_heard_by_the_heartbeat_and_nothing_is_said(run: Callable[..., int], function: Function, broker: FakeBroker) -> None:
    function.gateway.answers = ["go", "stop"]

    def stopped(job: Job) -> Outcome:
        while not job.stopped():
            threading.Event().wait(0.01)
        raise Stopped

    assert run(stopped) == 0
    assert broker.tried == 0


@pytest.mark.parametrize("first", ["wait", 503])
def test_what_a_request_answers_with_503_is_tried_again_here(
    run: Callable[..., int], function: Function, broker: FakeBroker, first: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.runtime.batch.time.sleep", lambda _seconds: None)
    function.gateway.answers = [first, first, "go"]
    assert run(write_one) == 0
    assert len(broker.taken) == 1


def test_a_store_that_is_away_is_waited_for(run: Callable[..., int], function: Function, broker: FakeBroker) -> None:
    settings = Settings(object_store_url="memory", work_dir=function.work_dir, heartbeat_s=0.05, spare_disk_bytes=1)
    tries: list[int] = []

    def opened() -> Surroundings:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("it does not answer")
        return Surroundings(settings=settings, objects=function.objects, gateway=Gateway(function.gateway.url, timeout_s=5))

    assert run(write_one, open_=opened) == 0
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"operation": "transcode"}, 1), ({"type": COMPLETED}, 1), ({"body": b"no event"}, 1), ({"output_prefix": "../"}, 1)],
)
def test_what_is_no_request_to_it_ends_it(run: Callable[..., int], broker: FakeBroker, changes: dict[str, Any], status: int) -> None:
    assert run(must_not_run, **changes) == status
    assert broker.tried == 0


def test_a_token_that_the_gateway_does_not_know_ends_it(run: Callable[..., int], function: Function, broker: FakeBroker) -> None:
    function.gateway.answers = [403]
    assert run(must_not_run) == 1
    assert broker.tried == 0


@pytest.mark.parametrize("missing", ["K_EVENT_PATH", "K_SINK"])
def test_a_setting_that_is_missing_is_named(missing: str) -> None:
    given = {"K_EVENT_PATH": "/etc/jobsink-event", "K_SINK": "http://broker"}
    assert Mail.from_environment(given).event_file == Path("/etc/jobsink-event/event")
    with pytest.raises(BadSetting, match=missing):
        Mail.from_environment({name: value for name, value in given.items() if name != missing})


def test_sigterm_ends_the_process_and_leaves_no_folder(tmp_path: Path) -> None:
    """As process 1 of a container it has to ask for that: the kernel would drop the signal."""
    program = """
import sys, time
from pathlib import Path
from functions.runtime.batch import end_on_sigterm
from functions.runtime.workspace import workspace
end_on_sigterm()
with workspace(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout
        assert process.stdout.readline() == b"in\n"
        assert list(tmp_path.iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
    assert list(tmp_path.iterdir()) == []
