"""Spans where nothing is exported: no import, no new place in the trace. Exported ones: tests/monitoring."""

import subprocess
import sys

import pytest

from infra.telemetry.context import current_traceparent, parse
from infra.telemetry.tracing import span
from infra.telemetry.wsgi import SPAN, traced

OF_A = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)


def test_what_was_given_is_passed_on() -> None:
    with span("a", parent=OF_A) as outer:
        assert outer.traceparent == current_traceparent() == OF_A
        with span("b") as inner:
            assert inner.traceparent == OF_A
    assert current_traceparent() is None


def test_without_a_parent_there_is_a_trace_for_the_log_alone() -> None:
    with span("a", parent="nonsense") as hop:
        found = parse(hop.traceparent)
    assert found is not None
    assert found[2] == "00"  # not sampled: nobody exports it


def test_an_exception_goes_on() -> None:
    with pytest.raises(KeyError), span("a"):
        raise KeyError
    assert current_traceparent() is None


def test_a_request_continues_its_sender() -> None:
    seen: list[object] = []

    def application(environ: dict[str, object], _start: object) -> list[bytes]:
        seen.append(current_traceparent())
        seen.append(SPAN in environ)
        return []

    request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/internal/events", "HTTP_CE_TYPE": "x", "HTTP_CE_TRACEPARENT": OF_A}
    traced(application)(dict(request), lambda *_: None)
    traced(application)({**request, "PATH_INFO": "/healthz"}, lambda *_: None)
    assert seen == [OF_A, True, None, False]


@pytest.mark.parametrize("entry", ["functions.probe.main", "functions.thumbnail.main", "functions.transcode.main"])
def test_a_cold_start_loads_neither_exporter_nor_exposition(entry: str) -> None:
    code = f"import sys, {entry}; print([name for name in sys.modules if name.startswith(('opentelemetry', 'prometheus_client'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
