"""`python -m infra.cli.events`: writes docs/events.md out of the schemas; `--check` says whether it is current.

Types, fields and their meanings come from `schemas`; the examples are models' instances on a real envelope. By hand is what no schema
knows: who sends and takes each event, in which order, and what a second delivery does.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from infra.bucket_source.adapter import upload
from infra.cli import event_examples as examples
from infra.cli.generated import keep_current
from schemas import envelope, events
from schemas.envelope import Event
from schemas.jobs import JobEnded
from schemas.payloads import Completed, Failed, Requested

FILE = Path(__file__).resolve().parents[2] / "docs" / "events.md"

HEAD = """\
# Events

<!-- Written by `python -m infra.cli.events` from `schemas`; `make lint` fails while it is not current. -->

Every event is a CloudEvent 1.0. Inside, it travels in binary mode: attributes are `ce-` headers, the body is the data, JSON of at most
{max_kib} KiB. It carries object keys, never media. The models are `schemas/payloads.py` and `schemas/jobs.py`; their JSON Schemas lie in
`schemas/json`. A reader ignores fields that it does not know: a later version may add some.

| type | from | to |
| --- | --- | --- |
{overview}

## Extension attributes

| attribute | on | meaning |
| --- | --- | --- |
| `operation` | `dev.darkroom.operation.*` | the operation's name; Triggers filter on it |
| `lane` | `dev.darkroom.operation.*` | {lanes}; Triggers filter on it |
| `traceparent` | any | W3C trace context, where traces are on; a reply continues its request's |

## For every event

- **Order**: none. A broker may deliver events in any order, late, and more than once. No reader relies on one coming before another.
- **At least once**: a sender sends until the broker has said 202, or a webhook's receiver 2xx; it may send again what had arrived.
- **Once in effect**: the gateway keeps each event's source and id in its inbox, in the transaction of what the event does
  (`gateway/service/inbox.py`). The same again changes nothing.
- **What cannot be taken**, because it is wrong or after all retries, is kept as a dead letter: `GET /dead-letters`, and
  [runbook.md](runbook.md) says what to do.
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One kind of event. `types` share everything else."""

    title: str
    types: tuple[str, ...]
    sender: str
    receiver: str
    words: str
    notes: tuple[str, ...]
    example: Event
    model: type[BaseModel] | None = None
    structured: bool = False


def _uploaded() -> Event:
    """What the bucket source makes of a record."""
    event = upload(examples.RECORD)
    assert event is not None
    return event


ENTRIES = (
    Entry(
        title="An object was written",
        types=tuple(sorted(events.UPLOAD_TYPES)),
        sender="`infra/bucket_source`, from the store's notification",
        receiver="gateway, internal listener",
        words=(
            "The bucket `media` has a new object. The mapping is the CloudEvents adapter for AWS S3, so any source that speaks it will "
            "do. The data is the notification's record as the store wrote it, its key and ETag unescaped. The gateway reads its bucket "
            "and the key, which is also the subject."
        ),
        notes=(
            "It is a hint: the gateway asks the store what is there now (`gateway/service/arrivals.py:look`), so a late or repeated one "
            "does no harm, and the reconciler finds what a lost one would have told.",
            "Id: made of the record alone, so it is the same whenever the store sends this notification again.",
        ),
        example=_uploaded(),
    ),
    Entry(
        title="An operation is asked for",
        types=(events.REQUESTED,),
        sender="gateway's worker, out of the outbox",
        receiver="the operation's function; on the lane `job` its JobSink",
        words="One attempt of a work. The function claims it by its first heartbeat before it does anything.",
        notes=(
            "Id: the attempt's, `{work_id}.{attempt}`; subject: the media's. Another delivery of it while a run works gets 503, and 200 "
            "with no body once the attempt has ended: an attempt is claimed by one run, ever.",
            "Where the attempt's `result.json` is there already, the function replies from it and does no work.",
            "What is sent cannot be recalled. A cancelled attempt is told to stop by the answer to its heartbeat.",
        ),
        example=examples.REQUESTED,
        model=Requested,
    ),
    Entry(
        title="An operation is done",
        types=(events.COMPLETED,),
        sender="the function, as its reply",
        receiver="gateway, internal listener",
        words="The attempt's artifacts are written. Its data is also the attempt's `result.json`, written last.",
        notes=(
            "Id: `{attempt_id}.completed`. The first of an attempt that has not ended counts; a later one changes nothing.",
            "`token` must be the request's. With another one the event is kept as a dead letter, and has no effect.",
        ),
        example=examples.COMPLETED,
        model=Completed,
    ),
    Entry(
        title="An operation failed",
        types=(events.FAILED,),
        sender="the function, as its reply",
        receiver="gateway, internal listener",
        words="The function could judge its work. The gateway decides by `class` whether there is another attempt.",
        notes=(
            "Id: `{attempt_id}.failed`. It counts for an attempt that has not ended, once.",
            "A reply that is lost is no failure: the request becomes a dead letter or the attempt's lease ends, and the gateway looks for "
            "`result.json` before it ends the attempt.",
        ),
        example=examples.FAILED,
        model=Failed,
    ),
    Entry(
        title="A job has ended",
        types=tuple(events.JOB_TYPES.values()),
        sender="gateway's worker",
        receiver="the job's `callback_url`",
        words=(
            "A webhook: structured mode, `application/cloudevents+json`, signed as Standard Webhooks says (`webhook-id`, "
            "`webhook-timestamp`, `webhook-signature`; see [webhooks.md](webhooks.md)). It never goes through the broker."
        ),
        notes=(
            "Owed in the transaction that ends the job, tried until the receiver answers 2xx, or 410 for no more, for just under a day. "
            "Each try has the same event id and `webhook-id`: know a repeated one by it.",
            "A failed job that is tried again and ends again is told again, with a new id. Two of one job may come in either order; "
            "`finished_at` tells which is newer.",
            "`url` and `expires_at` of the artifacts are made anew for each try.",
        ),
        example=examples.JOB_DONE,
        model=JobEnded,
        structured=True,
    ),
)


def document() -> str:
    """The whole page."""
    overview = "\n".join(f"| {_types(entry)} | {entry.sender} | {entry.receiver} |" for entry in ENTRIES)
    lanes = " or ".join(f"`{lane}`" for lane in events.Lane)
    head = HEAD.format(max_kib=events.MAX_EVENT_BYTES // 1024, overview=overview, lanes=lanes)
    return "\n".join([head, *(_section(entry) for entry in ENTRIES)])


def _section(entry: Entry) -> str:
    parts = [f"## {entry.title}", "", f"{_types(entry)}: from {entry.sender}, to {entry.receiver}.", "", entry.words, ""]
    parts += [f"- {note}" for note in entry.notes]
    if entry.model is not None:
        parts += ["", *_fields(entry.model)]
    return "\n".join([*parts, "", _example(entry), ""])


def _types(entry: Entry) -> str:
    return ", ".join(f"`{name}`" for name in entry.types)


def _example(entry: Entry) -> str:
    headers, body = (envelope.to_structured if entry.structured else envelope.to_binary)(entry.example)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\n".join(["```http", *lines, "", json.dumps(json.loads(body), indent=2, ensure_ascii=False), "```"])


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """A table of a model's fields, those of the models in it behind a dot; `[]` is each of a list."""
    schema = model.model_json_schema(by_alias=True)
    yield from ("| field | type | meaning |", "| --- | --- | --- |")
    yield from _rows(schema, schema.get("$defs", {}), "")


def _rows(schema: Mapping[str, Any], models: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in schema["properties"].items():
        inner, kind, many = _kind(field, models)
        optional = "" if name in schema.get("required", ()) else ", may be left out"
        meaning = field.get("description") or ""
        yield f"| `{prefix}{name}` | {kind}{optional} | {meaning} |"
        if inner is not None:
            yield from _rows(inner, models, f"{prefix}{name}{'[]' if many else ''}.")


def _kind(field: Mapping[str, Any], models: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str, bool]:
    """A field's model, if it has one of ours; its type in words; and whether there are many."""
    either = field.get("anyOf", [field])
    (one, *_) = [choice for choice in either if choice.get("type") != "null"]
    nullable = " or null" if len(either) > 1 else ""
    many = one.get("type") == "array"
    one = one["items"] if many else one
    found = models[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
    if "enum" in found:
        kind = ", ".join(f"`{value}`" for value in found["enum"] if value is not None)
    else:
        kind = str(found["type"]) + _bounds(found)
    inner = found if "properties" in found else None
    return inner, ("list of " if many else "") + kind + nullable, many


def _bounds(found: Mapping[str, Any]) -> str:
    words = {"minimum": "from {}", "maximum": "to {}", "maxLength": "at most {} characters"}
    said = [form.format(found[name]) for name, form in words.items() if name in found]
    return f" {' '.join(said)}" if said else ""


def main() -> int:
    return keep_current(FILE, document(), "infra.cli.events")


if __name__ == "__main__":
    sys.exit(main())
