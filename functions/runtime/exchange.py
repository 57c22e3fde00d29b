"""From a message to what it asks of an operation, and from a payload to the event that answers it. Who sends either is others' business."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from infra.telemetry.context import about, current_traceparent
from infra.telemetry.tracing import Span, is_on, span
from schemas.envelope import Event, parse
from schemas.errors import MalformedEvent
from schemas.events import COMPLETED, FAILED, MAX_EVENT_BYTES, REQUESTED, completed_id, failed_id, function_source
from schemas.operation import Operation
from schemas.parameters import Parameters
from schemas.payloads import Completed, Failed, Requested

MAX_MESSAGE_BYTES = 2 * MAX_EVENT_BYTES  # structured mode: data and attributes


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A `requested` event that this operation can answer."""

    event: Event
    requested: Requested
    parameters: Parameters

    @contextmanager
    def hop(self, parent: str | None) -> Iterator[Span]:
        """Within the block every log line carries the request's ids, and its trace goes on from this traceparent."""
        requested = self.requested
        noted: dict[str, str | int] = {"darkroom.attempt_id": requested.attempt_id, "darkroom.bytes": requested.source.bytes}
        with (
            about(event_id=self.event.id, media_id=self.event.subject, work_id=requested.work_id, attempt_id=requested.attempt_id),
            span(requested.operation, kind="consumer", parent=parent, attributes=noted) as hop,
        ):
            yield hop


def understand(operation: Operation, headers: Mapping[str, str], body: bytes) -> Asked:
    """A message in binary or structured mode.

    Raises:
        MalformedEvent: nobody could ever parse it as a request to this operation.
    """
    if len(body) > MAX_MESSAGE_BYTES:
        raise MalformedEvent(f"an event is at most {MAX_EVENT_BYTES} bytes")
    event = parse(headers, body)
    if event.type != REQUESTED:
        raise MalformedEvent(f"this function takes {REQUESTED} alone")
    try:
        requested = Requested.model_validate(event.data)
        parameters = operation.parameters.model_validate(requested.parameters)
    except ValidationError as exc:
        places = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()[:4])
        raise MalformedEvent(f"the data is no request: {places}") from exc
    if requested.operation != operation.name or event.operation not in (None, operation.name):
        raise MalformedEvent(f"this function is {operation.name}")
    *folders, last = requested.output_prefix.split("/")
    if last or not folders or any(folder in ("", ".", "..") for folder in folders):
        raise MalformedEvent(f"output_prefix must be folders, each with a slash behind it, not {requested.output_prefix[:200]!r}")
    return Asked(event=event, requested=requested, parameters=parameters)


def answer(asked: Asked, payload: Completed | Failed) -> Event:
    """The reply event: its id is the attempt's, so that the inbox knows it again."""
    kind, name = (FAILED, failed_id) if isinstance(payload, Failed) else (COMPLETED, completed_id)
    data = payload.model_dump(mode="json", by_alias=True, exclude_none=True)
    source = function_source(asked.requested.operation)
    event = asked.event.continuing(current_traceparent()) if asked.event.traceparent or is_on() else asked.event
    return event.reply(id=name(payload.attempt_id), source=source, type=kind, data=data)


def outcome_fields(payload: Completed | Failed) -> dict[str, object]:
    """What the log should say of a payload."""
    if isinstance(payload, Failed):
        return {"run_id": payload.run_id, "result": "failed", "class": payload.failure, "reason": payload.message}
    return {"run_id": payload.run_id, "result": "completed"}
