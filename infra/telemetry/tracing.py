"""Spans. Exported by OpenTelemetry where OTEL_EXPORTER_OTLP_ENDPOINT is set; elsewhere they cost a context variable and no import.

A hop that exports nothing passes on the traceparent that it was given, so that those before and after it stay joined.
"""

import atexit
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal

from infra.telemetry.context import current_traceparent, mint, parse, traced

if TYPE_CHECKING:  # a cold start does not wait for what is off by default
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SCOPE = "darkroom"
_service = "darkroom"
_lock = threading.Lock()


class Span:
    """One hop. `traceparent` is what the next one continues."""

    def __init__(self, traceparent: str, recorded: "OtelSpan | None" = None) -> None:
        self.traceparent = traceparent
        self._recorded = recorded

    def name(self, name: str) -> None:
        """A better name than it began with."""
        if self._recorded is not None:
            self._recorded.update_name(name)

    def note(self, attributes: Attributes) -> None:
        """What turned out on the way."""
        if self._recorded is not None:
            self._recorded.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        """It did not come to what was wanted."""
        if self._recorded is not None:
            from opentelemetry.trace import Status, StatusCode

            self._recorded.set_status(Status(StatusCode.ERROR, reason))


def is_on() -> bool:
    """Is there anywhere to export to?"""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def serve_as(service: str) -> None:
    """This process's name in traces, unless OTEL_SERVICE_NAME gives another."""
    global _service  # noqa: PLW0603
    _service = service


def warm_up() -> None:
    """Loads the exporter beside whatever else is loading, if it is to be used at all."""
    if is_on():
        threading.Thread(target=_provider, name="tracing", daemon=True).start()


def flush() -> None:
    """Sends what has ended; for those who leave without the interpreter's farewell."""
    if is_on():
        _provider().force_flush(timeout_millis=2000)


@contextmanager
def span(name: str, *, kind: Kind = "internal", parent: str | None = None, attributes: Attributes | None = None) -> Iterator[Span]:
    """One hop of the trace, current within the block. An exception marks it as failed and goes on.

    Args:
        parent: the traceparent to continue; without a good one the current trace goes on, or a new one begins.
    """
    before = parent if parse(parent) else current_traceparent()
    if not is_on():
        passed_on = before or mint()
        with traced(passed_on):
            yield Span(passed_on)
        return
    recorded = _start(name, kind, before, attributes or {})
    traceparent = _written(recorded)
    hop = Span(traceparent, recorded)
    try:
        with traced(traceparent):
            yield hop
    except Exception as exc:
        recorded.record_exception(exc)
        hop.fail(type(exc).__name__)
        raise
    finally:
        recorded.end()


def _start(name: str, kind: Kind, before: str | None, attributes: Attributes) -> "OtelSpan":
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

    context = Context()
    if known := parse(before):
        trace_id, span_id, flags = known
        remote = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
        context = set_span_in_context(NonRecordingSpan(remote), context)
    tracer = _provider().get_tracer(_SCOPE)
    return tracer.start_span(name, context=context, kind=SpanKind[kind.upper()], attributes=dict(attributes))


def _written(recorded: "OtelSpan") -> str:
    place = recorded.get_span_context()
    return f"00-{place.trace_id:032x}-{place.span_id:016x}-{int(place.trace_flags):02x}"


def _provider() -> "TracerProvider":
    with _lock:
        return _open_provider()


@cache
def _open_provider() -> "TracerProvider":
    """The SDK, once a process, after any fork: its exporter has a thread of its own. It reads the OTEL_ variables itself."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: _service})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    atexit.register(provider.shutdown)
    return provider
