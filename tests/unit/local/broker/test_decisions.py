"""Filters, verdicts, retry waits and metrics: the small decisions by tables. The vectors test holds the large ones."""

from typing import Any

import pytest
from multidict import CIMultiDict

from infra.local.broker.delivery import next_wait_s
from infra.local.broker.event import Event
from infra.local.broker.filter import passes, verdict
from infra.local.broker.metrics import DispatchLabels, DispatchMetrics
from infra.local.broker.reply import MAX_ERROR_BODY_BYTES, Answer, Failure, NoAnswer, Success, is_retryable, judge, judge_sink, sniff
from infra.local.broker.spec import DeliverySpec, SinkRef, TriggerSpec

EVENT = Event(attributes={"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b", "lane": "bulk", "knativebrokerttl": "7"})
REPLY = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/f", "ce-type": "done"}


def trigger(filters: tuple[Any, ...] = (), legacy: dict[str, str] | None = None) -> TriggerSpec:
    return TriggerSpec(namespace="n", name="t", broker="b", filters=filters, legacy_filter=legacy, subscriber=SinkRef(uri="http://x/"))


@pytest.mark.parametrize(
    ("filters", "legacy", "expected"),
    [
        ((), None, None),
        ((), {}, True),
        ((), {"type": "a.b", "lane": ""}, True),  # an empty value: present
        ((), {"operation": ""}, False),
        ((), {"knativebrokerttl": ""}, False),  # not for filters to see
        (({"exact": {"type": "a.b"}},), {"type": "other"}, True),  # filters win over filter
        (({"exact": {"type": "a.b", "lane": "job"}},), None, False),
        (({"prefix": {"type": "a."}}, {"suffix": {"type": ".b"}}), None, True),
        (({"prefix": {"type": "a."}}, {"suffix": {"type": ".c"}}), None, False),
        (({"any": [{"exact": {"lane": "job"}}, {"exact": {"lane": "bulk"}}]},), None, True),
        (({"not": {"exact": {"operation": "x"}}},), None, True),  # a missing attribute fails, so its negation holds
        (({"exact": {"type": ""}},), None, None),  # says nothing
        (({"not": {}},), None, None),
    ],
)
def test_filters(filters: tuple[Any, ...], legacy: dict[str, str] | None, expected: bool | None) -> None:
    assert verdict(trigger(filters, legacy), EVENT) is expected
    assert passes(trigger(filters, legacy), EVENT) is (expected is not False)


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 501, 503, 599])
def test_retried(status: int) -> None:
    assert is_retryable(status)


@pytest.mark.parametrize("status", [301, 304, 400, 401, 403, 405, 410, 413, 422, 425])
def test_not_retried(status: int) -> None:
    assert not is_retryable(status)


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status=status, headers=CIMultiDict(headers), body=body)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(202), Success(status=202)),
        (answer(200, b"OK"), Failure(status=502, retryable=True, error={})),
        (answer(200, b" "), Failure(status=502, retryable=True, error={})),
        (answer(200, b"", **{**REPLY, "ce-time": "soon"}), Failure(status=502, retryable=True, error={})),
        (answer(503, b"busy"), Failure(status=503, retryable=True, error={"knativeerrorcode": "503", "knativeerrordata": "YnVzeQ=="})),
        (answer(400), Failure(status=400, retryable=False, error={"knativeerrorcode": "400", "knativeerrordata": ""})),
        (answer(304), Failure(status=304, retryable=False, error={})),
        (NoAnswer(reason="slow", timed_out=True), Failure(status=0, retryable=True, error={})),
    ],
)
def test_verdicts(given: Answer | NoAnswer, expected: Success | Failure) -> None:
    assert judge(given, EVENT) == expected


def test_a_reply_goes_on_with_the_time_to_live_of_its_request() -> None:
    judged = judge(answer(200, b"{}", **REPLY, **{"ce-knativebrokerttl": "99"}), EVENT)
    assert isinstance(judged, Success)
    assert judged.reply is not None
    assert judged.reply.attributes == {"specversion": "1.0", "id": "r", "source": "/f", "type": "done", "knativebrokerttl": "7"}
    assert judged.reply.content_type == "text/plain; charset=utf-8"  # what Go makes of a body without a type


def test_a_sink_may_answer_what_it_likes() -> None:
    assert judge_sink(answer(200, b"OK")) == Success(status=200)


def test_error_data_is_cut_at_1024_characters() -> None:
    judged = judge(answer(500, b"x" * 5000), EVENT)
    assert isinstance(judged, Failure)
    assert len(judged.error["knativeerrordata"]) == 1024 == MAX_ERROR_BODY_BYTES / 3 * 4


@pytest.mark.parametrize(("data", "kind"), [(b"{}", "text/plain; charset=utf-8"), (b"\x89PNG\r\n\x1a\n\x00", "application/octet-stream")])
def test_sniffing(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


RETRYABLE = Failure(status=503, retryable=True, error={})


@pytest.mark.parametrize(
    ("spec", "waits"),
    [
        (DeliverySpec(), [None]),
        (DeliverySpec(retry=2), [0, 0, None]),
        (DeliverySpec(retry=3, backoff_policy="exponential", backoff_delay_s=0.2), [0.2, 0.4, 0.8, None]),
        (DeliverySpec(retry=3, backoff_policy="linear", backoff_delay_s=10), [0, 10, 20, None]),
        (DeliverySpec(retry=2, backoff_policy="linear"), [0, 0, None]),  # policy and delay, or neither
        (DeliverySpec(retry=2, backoff_delay_s=5), [0, 0, None]),
        (DeliverySpec(retry=2, backoff_policy="exponential", backoff_delay_s=-1), [0, 0, None]),
    ],
)
def test_waits(spec: DeliverySpec, waits: list[float | None]) -> None:
    assert [next_wait_s(spec, attempt, RETRYABLE) for attempt in range(len(waits))] == waits


def test_a_final_failure_is_not_waited_for() -> None:
    assert next_wait_s(DeliverySpec(retry=5), 0, Failure(status=400, retryable=False, error={})) is None


def test_a_backoff_never_overflows() -> None:
    spec = DeliverySpec(retry=10**9, backoff_policy="exponential", backoff_delay_s=1)
    assert next_wait_s(spec, 10**6, RETRYABLE) == 2.0**62


def test_the_histogram_in_prometheus_form() -> None:
    metrics = DispatchMetrics()
    labels = DispatchLabels(broker="main", namespace="darkroom", trigger="thumbnail", event_type='a"b', status=202)
    for duration_s in (0.004, 0.005, 0.2, 99.0):
        metrics.observe(labels, duration_s)
    lines = metrics.lines()
    text = (
        'kn_broker_name="main",kn_broker_namespace="darkroom",cloudevents_type="a\\"b",http_response_status_code="202",'
        'messaging_destination_name="trigger:thumbnail.darkroom"'
    )
    name = "kn_eventing_dispatch_duration_seconds"
    assert f'{name}_bucket{{{text},le="0.005"}} 2' in lines  # bounds are inclusive
    assert f'{name}_bucket{{{text},le="0.25"}} 3' in lines
    assert f'{name}_bucket{{{text},le="10.0"}} 3' in lines
    assert f'{name}_bucket{{{text},le="+Inf"}} 4' in lines
    assert f"{name}_count{{{text}}} 4" in lines
    assert f"{name}_sum{{{text}}} {0.004 + 0.005 + 0.2 + 99.0}" in lines
