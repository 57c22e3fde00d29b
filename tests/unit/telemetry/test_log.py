"""One log line: what is always in it, what the moment adds, what the caller adds."""

import json
import logging

from infra.telemetry.context import about, traced
from infra.telemetry.log import JsonLines

OF_A = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def line(**extra: object) -> dict[str, object]:
    record = logging.getLogger("x").makeRecord("x", logging.INFO, "", 0, "a %s", ("word",), None, extra=extra)
    found: dict[str, object] = json.loads(JsonLines().format(record))
    return found


def test_what_is_always_there() -> None:
    found = line()
    assert found.keys() == {"time", "severity", "logger", "message"}
    assert (found["message"], found["severity"], found["logger"]) == ("a word", "INFO", "x")
    assert str(found["time"]).endswith("Z")


def test_the_moments_ids_and_its_trace() -> None:
    with about(job_id="j", event_id="e"), traced(OF_A):
        found = line(event_id="another", bytes=3)
    assert (found["job_id"], found["event_id"], found["bytes"]) == ("j", "another", 3)  # the caller knows better
    assert (found["trace_id"], found["span_id"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def test_an_exception_stays_on_its_line() -> None:
    exc = ValueError("two\nlines")
    record = logging.makeLogRecord({"msg": "no", "exc_info": (ValueError, exc, None)})
    text = JsonLines().format(record)
    assert "\n" not in text
    assert "ValueError: two" in json.loads(text)["exception"]
