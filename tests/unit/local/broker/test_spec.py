"""Manifests: what is read, and what is refused with a sentence that names the field."""

from typing import Any

import pytest

from infra.local.broker.duration import parse_duration_s
from infra.local.broker.spec import (
    DEFAULT_DELIVERY,
    DeliverySpec,
    SinkRef,
    TriggerSpec,
    effective_delivery,
    parse_broker,
    parse_trigger,
)
from infra.local.errors import UnsupportedManifest

EVENTING = "eventing.knative.dev/v1"
FUNCTION = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "thumbnail"}}


def broker(**spec: object) -> dict[str, Any]:
    return {"apiVersion": EVENTING, "kind": "Broker", "metadata": {"namespace": "darkroom", "name": "main"}, "spec": spec}


def trigger(**spec: object) -> dict[str, Any]:
    metadata = {"namespace": "darkroom", "name": "thumbnail"}
    return {"apiVersion": EVENTING, "kind": "Trigger", "metadata": metadata, "spec": {"broker": "main", "subscriber": FUNCTION, **spec}}


def test_a_whole_trigger() -> None:
    manifest = trigger(
        filters=[{"exact": {"type": "t"}}, {"not": {"prefix": {"subject": "tmp/"}}}],
        subscriber={**FUNCTION, "uri": "/events"},
        delivery={
            "retry": 5,
            "backoffPolicy": "exponential",
            "backoffDelay": "PT0.5S",
            "timeout": "PT11M",
            "deadLetterSink": {"uri": "http://sink/"},
        },
    )
    assert parse_trigger(manifest) == TriggerSpec(
        namespace="darkroom",
        name="thumbnail",
        broker="main",
        filters=({"exact": {"type": "t"}}, {"not": {"prefix": {"subject": "tmp/"}}}),
        subscriber=SinkRef(ref=("serving.knative.dev/v1", "Service", "darkroom", "thumbnail"), path="/events"),
        delivery=DeliverySpec(
            retry=5, backoff_policy="exponential", backoff_delay_s=0.5, timeout_s=660, dead_letter_sink=SinkRef(uri="http://sink/")
        ),
    )


def test_a_broker_without_delivery_gets_knatives_defaults() -> None:
    assert parse_broker(broker()).delivery == DEFAULT_DELIVERY == DeliverySpec(retry=10, backoff_policy="exponential", backoff_delay_s=0.2)
    assert parse_broker(broker(delivery={"timeout": "PT5S"})).delivery == DeliverySpec(timeout_s=5)


SINK = {"deadLetterSink": {"uri": "http://sink/"}}
OTHER = {"deadLetterSink": {"uri": "http://other/"}}


@pytest.mark.parametrize(
    ("of_broker", "of_trigger", "expected"),
    [
        (None, None, DEFAULT_DELIVERY),
        ({"retry": 3}, None, DeliverySpec(retry=3)),
        ({"retry": 3, "timeout": "PT5S"}, {"retry": 1}, DeliverySpec(retry=1)),  # replaced whole
        (None, SINK, DeliverySpec(dead_letter_sink=SinkRef(uri="http://sink/"))),  # only a sink: no retries
        ({"retry": 3, **SINK}, {"retry": 1}, DeliverySpec(retry=1, dead_letter_sink=SinkRef(uri="http://sink/"))),  # the sink is inherited
        (SINK, OTHER, DeliverySpec(dead_letter_sink=SinkRef(uri="http://other/"))),
    ],
)
def test_a_triggers_delivery_replaces_the_brokers_but_for_the_sink(of_broker: Any, of_trigger: Any, expected: DeliverySpec) -> None:
    assert effective_delivery(parse_trigger(trigger(delivery=of_trigger)), parse_broker(broker(delivery=of_broker))) == expected


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (trigger(filters=[{"cesql": "type = 'a'"}]), r"spec.filters\[0\].cesql: CESQL is not supported"),
        (trigger(filters=[{"all": [{"not": {"cesql": "true"}}]}]), r"spec.filters\[0\].all\[0\].not.cesql"),
        (trigger(filters=[{"exact": {"type": "a"}, "prefix": {"id": "b"}}]), r"spec.filters\[0\] has several dialects"),
        (trigger(filters=[{"exact": {"Type": "a"}}]), "'Type' is no attribute name"),
        (trigger(filters=[{"regex": {"type": "a"}}]), r"unknown field spec.filters\[0\].regex"),
        (trigger(filters={"exact": {}}), "spec.filters must be a list"),
        (trigger(filter={"attributes": {"my-type": "a"}}), "'my-type' is no attribute name"),
        (trigger(filter={"attributes": {"type": 5}}), "must map attribute names to strings"),
        (trigger(delivery={"retryAfterMax": "PT1S"}), "retryAfterMax needs the feature flag"),
        (trigger(delivery={"retries": 1}), "unknown field spec.delivery.retries"),
        (trigger(delivery={"retry": -1}), "retry must be a whole number from 0"),
        (trigger(delivery={"retry": True}), "retry must be a whole number from 0"),
        (trigger(delivery={"backoffDelay": "1s"}), "'1s' is no ISO 8601 duration"),
        (trigger(delivery={"timeout": "PT0S"}), "timeout must be longer than zero"),
        (trigger(delivery={"backoffPolicy": "fixed"}), "must be linear or exponential"),
        (trigger(delivery={"format": "json"}), "only binary is delivered here"),
        (trigger(subscriber={"uri": "/events"}), "needs a ref, or an absolute http uri"),
        (trigger(subscriber={**FUNCTION, "uri": "http://there/"}), "has a ref, so its uri must be relative"),
        (trigger(subscriber={"ref": {"kind": "Service", "name": "x"}}), "spec.subscriber.ref.apiVersion is missing"),
        (trigger(subscriber={"ref": {**FUNCTION["ref"], "namespace": "other"}}), "cross-namespace-event-links"),
        (trigger(subscriber=None), "spec.subscriber is missing"),
        (trigger(broker=""), "spec.broker must name a Broker"),
        (trigger(filtres=[]), "unknown field spec.filtres"),
        (broker(), "kind Trigger"),
    ],
)
def test_refusals_name_the_trigger_and_the_field(manifest: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedManifest, match=rf"^Trigger darkroom/\w+: .*{reason}"):
        parse_trigger(manifest)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0.2S", 0.2),
        ("PT0.25S", 0.2),  # one decimal is kept
        ("PT0.05S", 0.0),
        ("PT1M0.5S", 60.5),
        ("PT1H30M", 5400.0),
        ("P1DT1S", 86401.0),
        ("P1W", 604800.0),
        ("P1M", 2629746.0),  # 365.2425 * 86400 / 12
        ("PT,5S", 0.5),
        ("-PT1S", -1.0),
        ("PT-1S", -1.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "1s", "PT1", "P1S", "pt1s", "PT1M1H", "PT1e1S", "PT1S "])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration_s(text)
