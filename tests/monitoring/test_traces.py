"""One upload is one trace, joined through the outbox, the broker and the functions; and every log line names it."""

import json
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.acceptance.system import REPOSITORY, eventually
from tests.monitoring.collector import Span
from tests.monitoring.conftest import Watched

CAT, COFFEE = (REPOSITORY / "sample_data" / name for name in ("cat.png", "coffee.png"))  # the same bytes twice would be one work
COMPLETED = "process dev.darkroom.operation.completed"
ROAD = [
    ("darkroom-gateway", "POST /media", "server"),
    ("darkroom-gateway-worker", "publish probe", "producer"),
    ("darkroom-broker", "trigger:probe.darkroom", "producer"),
    ("darkroom-probe", "probe", "consumer"),
    ("darkroom-broker", "trigger:gateway-completed.darkroom", "producer"),
    ("darkroom-gateway-internal", COMPLETED, "consumer"),
    ("darkroom-gateway-worker", "publish thumbnail", "producer"),
    ("darkroom-broker", "trigger:thumbnail.darkroom", "producer"),
    ("darkroom-thumbnail", "thumbnail", "consumer"),
    ("darkroom-broker", "trigger:gateway-completed.darkroom", "producer"),
    ("darkroom-gateway-internal", COMPLETED, "consumer"),
]
"""Each hop the child of the one before it."""


def test_one_upload_is_one_trace(watched: Watched) -> None:
    time.sleep(1)  # what an earlier test's requests did has been exported
    before = {span.trace_id for span in watched.collector.spans}
    media_id = watched.system.upload(CAT, ["thumbnail"])
    assert watched.system.job_of(media_id)["state"] == "done"
    spans = eventually(lambda: the_trace(watched.collector.spans, before), lambda spans: len(spans) >= len(ROAD) + 6, 20)
    ends = [span for span in spans if span.name == COMPLETED and span.span_id not in {other.parent_id for other in spans}]
    assert [(hop.service, hop.name, hop.kind) for hop in road_to(ends[0], spans)] == ROAD
    assert {span.trace_id for span in spans} == {spans[0].trace_id}
    steps = {span.parent_id: set() for span in spans if span.name in ("fetch", "work", "store")}
    for span in spans:
        if span.name in ("fetch", "work", "store"):
            steps[span.parent_id].add(span.name)
    functions = {span.span_id for span in spans if span.name in ("probe", "thumbnail")}
    assert steps == {span_id: {"fetch", "work", "store"} for span_id in functions}
    assert not [span for span in spans if span.failed]


def test_the_client_may_have_begun_the_trace(watched: Watched) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    body = CAT.read_bytes()
    media = watched.system.call("POST", "/media?filename=c.png&operations=none", status=201, body=body, headers=headers)
    watched.system.judged(media["media_id"])

    def found() -> list[Span]:
        return [span for span in watched.collector.spans if span.trace_id == trace_id]

    spans = eventually(found, lambda spans: {"POST /media", COMPLETED} <= {span.name for span in spans}, 20)
    assert [span.name for span in spans if span.parent_id == span_id] == ["POST /media"]


def test_log_lines_name_job_task_event_and_trace(watched: Watched) -> None:
    media_id = watched.system.upload(COFFEE, ["thumbnail"])
    job = watched.system.job_of(media_id)
    task_id = job["tasks"][0]["task_id"]
    logs = watched.system.data / "platform" / "logs"
    ended = eventually(lambda: [line for line in lines(logs, "gateway-internal") if line.get("task_id") == task_id], bool, 10)[0]
    assert (ended["message"], ended["job_id"], ended["media_id"], ended["result"]) == ("task ended", job["job_id"], media_id, "done")
    answered = next(line for line in lines(logs, "thumbnail") if line.get("attempt_id") == ended["attempt_id"] and "ms" in line)
    assert (answered["event_id"], answered["result"]) == (ended["attempt_id"], "completed")
    assert ended["event_id"] == f"{ended['attempt_id']}.completed"
    assert ended["trace_id"] == answered["trace_id"]


def the_trace(spans: Sequence[Span], before: Collection[str]) -> list[Span]:
    """The spans of the one upload since then."""
    roots = [span for span in spans if (span.name, span.parent_id) == ("POST /media", "") and span.trace_id not in before]
    return [span for span in spans if roots and span.trace_id == roots[0].trace_id]


def road_to(end: Span, spans: Sequence[Span]) -> list[Span]:
    by_id = {span.span_id: span for span in spans}
    road = [end]
    while road[0].parent_id:
        road.insert(0, by_id[road[0].parent_id])
    return road


def lines(folder: Path, service: str) -> list[dict[str, str]]:
    found = []
    for path in folder.glob(f"{service}*"):
        for line in path.read_text().splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
    return found
