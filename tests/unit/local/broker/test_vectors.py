"""Every recorded case of Knative's own code, put to the broker's pure functions. See ../vectors/README.md for the rules."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from infra.local.broker.admission import RefusedEvent, admit
from infra.local.broker.binding import encode, handed_on
from infra.local.broker.delivery import backoff_s, next_wait_s
from infra.local.broker.event import Event, MalformedEvent
from infra.local.broker.filter import verdict
from infra.local.broker.reply import Answer, Failure, NoAnswer, Success, judge, judge_sink, refused_reply
from infra.local.broker.sender import for_subscriber
from infra.local.broker.spec import DeliverySpec, TriggerSpec, parse_trigger
from infra.local.broker.structured import decode_structured
from infra.local.errors import UnsupportedManifest

Json = Mapping[str, Any]

FOLDER = Path(__file__).parent.parent / "vectors"
SUBSCRIBER = "http://subscriber.ns.svc.cluster.local/"
INGRESS = "http://broker-ingress.knative-eventing.svc.cluster.local/ns/default"
NOW = datetime(2000, 1, 1, tzinfo=UTC)
MAX_REQUESTS = 10


def cases(name: str) -> list[Any]:
    with (FOLDER / f"{name}.jsonl").open() as lines:
        return [pytest.param(line["case"], line["expected"], id=f"{name}-{n}") for n, line in enumerate(map(json.loads, lines), 1)]


def trigger(**spec: object) -> TriggerSpec:
    given = {key: value for key, value in spec.items() if value is not None}
    return parse_trigger(
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Trigger",
            "metadata": {"namespace": "ns", "name": "trigger"},
            "spec": {"broker": "default", "subscriber": {"uri": SUBSCRIBER}, **given},
        }
    )


def is_taken(**spec: object) -> bool:
    try:
        trigger(**spec)
    except UnsupportedManifest:
        return False
    return True


def accept(event: Json) -> Event:
    """Through the ingress, in compact structured JSON, as the recorded events went."""
    return admit(decode_structured(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()), NOW)


def answer(response: Json) -> Answer | NoAnswer:
    if response.get("error"):
        return NoAnswer(reason=f'Post "{SUBSCRIBER}": {response["error"]}')
    body = response.get("body", "") * response.get("body_repeat", 1)
    return Answer(status=response["status"], headers=CIMultiDict(response.get("headers") or {}), body=body.encode())


def after_redirects(responses: Iterator[Json]) -> Json:
    """What the sender returns of the subscriber's answers in turn: the first that is no redirect."""
    for _ in range(MAX_REQUESTS):
        response = next(responses)
        location = (response.get("headers") or {}).get("Location")
        if not location or response.get("status") not in (301, 302, 303, 307, 308):
            return response
        if "nowhere" in location:
            return {"error": "no such host"}
    return {"error": "stopped after 10 redirects"}


def in_turn(responses: list[Json]) -> Iterator[Json]:
    """The last one for all that follow."""
    yield from responses
    while True:
        yield responses[-1]


def shown(event: Event) -> dict[str, str]:
    return {name: "*" if name == "knativearrivaltime" else value for name, value in event.attributes.items()}


def message(event: Event, **more: str) -> dict[str, Any]:
    """An event as the vectors show a message: attributes, the other headers, body."""
    headers = {name: value for name, value in {**encode(event), **more}.items() if not name.startswith("ce-")}
    return {"attributes": shown(event), "headers": headers, "body": event.data.decode() or None}


def recorded(seen: Json) -> dict[str, Any]:
    return {"attributes": seen["attributes"], "headers": seen["headers"], "body": seen.get("body")}


def dead_letter(event: Event, failure: Failure, dest: str) -> dict[str, str]:
    error = {"knativeerrordest": dest, **failure.error} if failure.error else {}
    return comparable({**shown(event), **error})


def comparable(attributes: Json) -> dict[str, str]:
    """Error texts of lost connections are compared only as being there."""
    compared = dict(attributes)
    if base64.b64decode(compared.get("knativeerrordata", "")).startswith(b"dispatch error: "):
        compared["knativeerrordata"] = "a lost connection"
    return compared


def mentions(key: str, value: object) -> bool:
    if isinstance(value, list):
        return any(mentions(key, item) for item in value)
    return isinstance(value, dict) and (key in value or any(mentions(key, item) for item in value.values()))


# ---------------------------------------------------------------- filter


@pytest.mark.parametrize(("case", "expected"), cases("filter"))
def test_filter(case: Json, expected: Json) -> None:
    filters = {"filters": case.get("filters"), "filter": case.get("filter")}
    if mentions("cesql", case.get("filters")):
        assert not is_taken(**filters)
        return
    assert is_taken(**filters) == expected["admitted"]
    try:
        event = accept(case["event"])
    except (MalformedEvent, RefusedEvent):
        assert expected["ingress"] == 400
        return
    assert expected["ingress"] == 202
    if expected["admitted"]:
        result = {True: "PassFilter", False: "FailFilter", None: "NoFilter"}[verdict(trigger(**filters), event)]
        assert result == expected["result"]


# ---------------------------------------------------------------- delivery


@dataclass(frozen=True, kw_only=True)
class Run:
    """Deliveries to one place in virtual time."""

    attempts: list[dict[str, Any]]
    end_s: float
    last: Success | Failure


def deliver(spec: DeliverySpec, responses: list[Json], event: Event, *, sink: bool = False) -> Run:
    attempts: list[dict[str, Any]] = []
    now_s = waited_s = 0.0
    turns = in_turn(responses)
    while True:
        response = after_redirects(turns)
        takes_s = response.get("delay_s", 0)
        timed_out = spec.timeout_s is not None and takes_s >= spec.timeout_s
        got = NoAnswer(reason="timeout", timed_out=True) if timed_out else answer(response)
        judged = judge_sink(got) if sink else judge(got, event)
        # A reply's own way into the broker is what the channel reports last: 202.
        status = 202 if isinstance(judged, Success) and judged.reply else judged.status
        retryable = isinstance(judged, Failure) and judged.retryable
        attempts.append({"at_s": now_s, "delay_s": waited_s, "status": status, "retryable": retryable})
        now_s += spec.timeout_s if timed_out and spec.timeout_s else takes_s
        wait_s = next_wait_s(spec, len(attempts) - 1, judged) if isinstance(judged, Failure) else None
        if wait_s is None:
            return Run(attempts=attempts, end_s=now_s, last=judged)
        attempts[-1]["backoff_s"] = backoff_s(spec, len(attempts) - 1)
        waited_s = wait_s
        now_s += wait_s


@pytest.mark.parametrize(("case", "expected"), cases("delivery"))
def test_delivery(case: Json, expected: Json) -> None:
    assert is_taken(delivery=case["delivery"]) == expected["admitted_by_default"]
    if not expected["admitted_by_default"]:
        return
    spec = trigger(delivery=case["delivery"]).delivery
    assert spec is not None
    attributes = {"specversion": "1.0", "id": "1", "source": "/darkroom", "type": "darkroom.test", "knativebrokerttl": "255"}
    event = Event(attributes=attributes)

    run = deliver(spec, case["responses"], event)

    assert len(run.attempts) == len(expected["attempts"])
    for ours, theirs in zip(run.attempts, expected["attempts"], strict=True):
        assert (ours["status"], ours["retryable"]) == (theirs["status"], theirs["retryable"])
        for number in ("at_s", "delay_s", "backoff_s"):
            assert ours.get(number, 0) == pytest.approx(theirs.get(number, 0), abs=1e-6)

    if isinstance(run.last, Success):
        assert expected["outcome"] == "delivered"
        return
    sink = None
    if case.get("dead_letter", True):
        sink = deliver(spec, case.get("sink_responses") or [{"status": 202}], event, sink=True)
    outcome = "dead-letter" if sink and isinstance(sink.last, Success) else "lost"
    assert expected["outcome"] in (outcome, "crash")
    if sink and expected["outcome"] != "crash":
        assert len(sink.attempts) == expected["dead_letter"]["requests"]
        assert run.end_s == pytest.approx(expected["dead_letter"]["at_s"], abs=1e-6)
        assert dead_letter(event, run.last, SUBSCRIBER) == comparable(expected["dead_letter"]["attributes"])


# ---------------------------------------------------------------- reply


@pytest.mark.parametrize(("case", "expected"), cases("reply"))
def test_reply(case: Json, expected: Json) -> None:
    if case.get("format") == "json":
        assert not is_taken(delivery={"format": "json"})
        return
    try:
        event = accept(case["event"])
    except (MalformedEvent, RefusedEvent):
        assert expected["ingress"] == 400
        return
    assert expected["ingress"] == 202
    assert message(event, Prefer="reply") == recorded(expected["channel"])

    event = replace(event, headers=handed_on(case.get("event_headers") or {}))
    sent = message(for_subscriber(event), Prefer="reply", **{"Kn-Namespace": "ns"})
    assert all(sent == recorded(seen) for seen in expected["subscriber"] if seen["method"] != "refused")

    judged = judge(answer(after_redirects(in_turn([case["response"], *case.get("responses", [])]))), event)
    assert judged.status == expected["filter_status"]
    assert (isinstance(judged, Failure) and judged.retryable) == expected["retryable"]
    reply = judged.reply if isinstance(judged, Success) else None
    assert (reply is not None) == expected["filter_replies"] == expected["forwarded"]
    dest = SUBSCRIBER
    if reply is not None:
        try:
            assert message(admit(reply, NOW), Prefer="reply") == recorded(expected["reply"])
            assert expected["reply_ingress"] == 202
        except RefusedEvent:
            assert expected["reply_ingress"] == 400
            judged, dest = refused_reply(400), INGRESS

    if isinstance(judged, Success):
        assert expected["outcome"] == "delivered"
    else:
        assert expected["outcome"] in ("failed", "crash")
        if expected["outcome"] == "failed":
            assert dead_letter(event, judged, dest) == comparable(expected["dead_letter"])


# ---------------------------------------------------------------- what is not compared


def test_what_is_refused_on_purpose_is_counted() -> None:
    """If these numbers move, the copies or the refusals have changed."""
    counted: Counter[str] = Counter()
    for param in cases("filter"):
        counted["cesql"] += mentions("cesql", param.values[0].get("filters"))
    for param in cases("delivery"):
        case, expected = param.values
        counted["retryAfterMax, admitted behind a flag"] += expected["admitted"] and not expected["admitted_by_default"]
        counted["crash"] += expected.get("outcome") == "crash"
        counted["retryAfterMax"] += "retryAfterMax" in case["delivery"]
    for param in cases("reply"):
        counted["format json"] += param.values[0].get("format") == "json"
        counted["crash"] += param.values[1].get("outcome") == "crash"
    assert counted == {
        "cesql": 802,
        "retryAfterMax, admitted behind a flag": 81,
        "retryAfterMax": 102,
        "format json": 12,
        "crash": 3 + 2,
    }
