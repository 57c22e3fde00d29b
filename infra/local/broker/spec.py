"""What a Broker and a Trigger ask for, read from their manifests and refused where Knative's admission refuses.

`parse_broker` and `parse_trigger` take the manifests as `yaml.safe_load` gives them. What Knative admits only behind a
feature flag (`retryAfterMax`, OIDC, `format: json`) and CESQL are refused too, so that nothing runs here that a default
cluster would not run. Whether the named subscriber exists is not looked at.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from infra.local.broker.duration import parse_duration_s
from infra.local.errors import UnsupportedManifest

BackoffPolicy = Literal["linear", "exponential"]
Filter = Mapping[str, Any]

_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9]*\Z")
_DIALECTS = ("exact", "prefix", "suffix", "all", "any", "not")


@dataclass(frozen=True, kw_only=True)
class SinkRef:
    """Where events go: an absolute `uri`, or a `ref` (api_version, kind, namespace, name) with an optional `path` below it."""

    uri: str | None = None
    ref: tuple[str, str, str, str] | None = None
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeliverySpec:
    """A delivery policy as written; None where the manifest is silent (no retry, no backoff, no timeout, no sink)."""

    retry: int | None = None
    backoff_policy: BackoffPolicy | None = None
    backoff_delay_s: float | None = None
    timeout_s: float | None = None
    dead_letter_sink: SinkRef | None = None


# config-br-defaults of Knative Eventing: what a Broker without `delivery` gets.
DEFAULT_DELIVERY = DeliverySpec(retry=10, backoff_policy="exponential", backoff_delay_s=0.2)


@dataclass(frozen=True, kw_only=True)
class BrokerSpec:
    namespace: str
    name: str
    delivery: DeliverySpec


@dataclass(frozen=True, kw_only=True)
class TriggerSpec:
    """`filters` win over `legacy_filter` when there are any; `delivery` is None when the Trigger leaves it to its Broker."""

    namespace: str
    name: str
    broker: str
    filters: tuple[Filter, ...] = ()
    legacy_filter: Mapping[str, str] | None = None
    subscriber: SinkRef
    delivery: DeliverySpec | None = None


def effective_delivery(trigger: TriggerSpec, broker: BrokerSpec) -> DeliverySpec:
    """The policy in force: the Trigger's replaces the Broker's whole, except for a dead-letter sink that it does not name."""
    if trigger.delivery is None:
        return broker.delivery
    return replace(trigger.delivery, dead_letter_sink=trigger.delivery.dead_letter_sink or broker.delivery.dead_letter_sink)


def parse_broker(manifest: Mapping[str, Any]) -> BrokerSpec:
    """Read a Broker.

    Raises:
        UnsupportedManifest: with the field and the reason.
    """
    reader = _Reader("Broker", manifest)
    # `config` names the channel underneath, which this broker does without.
    spec = reader.fields(manifest.get("spec") or {}, "spec", {"config", "delivery"})
    delivery = DEFAULT_DELIVERY if spec.get("delivery") is None else reader.delivery(spec["delivery"])
    return BrokerSpec(namespace=reader.namespace, name=reader.name, delivery=delivery)


def parse_trigger(manifest: Mapping[str, Any]) -> TriggerSpec:
    """Read a Trigger.

    Raises:
        UnsupportedManifest: with the field and the reason.
    """
    reader = _Reader("Trigger", manifest)
    spec = reader.fields(manifest.get("spec") or {}, "spec", {"broker", "filter", "filters", "subscriber", "delivery"})
    broker = spec.get("broker")
    if not isinstance(broker, str) or not broker:
        reader.refuse("spec.broker must name a Broker of the same namespace")
    if spec.get("subscriber") is None:
        reader.refuse("spec.subscriber is missing")
    return TriggerSpec(
        namespace=reader.namespace,
        name=reader.name,
        broker=broker,
        filters=reader.filters(spec.get("filters") or [], "spec.filters"),
        legacy_filter=reader.legacy_filter(spec.get("filter")),
        subscriber=reader.sink(spec["subscriber"], "spec.subscriber"),
        delivery=None if spec.get("delivery") is None else reader.delivery(spec["delivery"]),
    )


class _Reader:
    """Walks one manifest and knows its name, so that every refusal says which manifest and which field."""

    def __init__(self, kind: str, manifest: Mapping[str, Any]) -> None:
        metadata = manifest.get("metadata") or {}
        self.kind = kind
        self.namespace = str(metadata.get("namespace") or "default")
        self.name = str(metadata.get("name") or "")
        if manifest.get("kind") != kind or manifest.get("apiVersion") != "eventing.knative.dev/v1":
            self.refuse(f"expected apiVersion eventing.knative.dev/v1 and kind {kind}")
        if not self.name:
            self.refuse("metadata.name is missing")

    def refuse(self, reason: str) -> NoReturn:
        raise UnsupportedManifest(self.kind, f"{self.namespace}/{self.name}", reason)

    def fields(self, value: object, path: str, known: set[str]) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(f"{path} must be a mapping")
        for unknown in sorted(set(value) - known):
            self.refuse(f"unknown field {path}.{unknown}")
        return dict(value)

    def delivery(self, value: object) -> DeliverySpec:
        path = "spec.delivery"
        known = {"retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink", "format", "retryAfterMax"}
        fields = self.fields(value, path, known)
        if fields.get("retryAfterMax") is not None:
            self.refuse(f"{path}.retryAfterMax needs the feature flag delivery-retryafter, which is off by default")
        if fields.get("format") not in (None, "binary"):
            self.refuse(f"{path}.format: only binary is delivered here")
        retry = fields.get("retry")
        if retry is not None and (not isinstance(retry, int) or isinstance(retry, bool) or retry < 0):
            self.refuse(f"{path}.retry must be a whole number from 0")
        policy = fields.get("backoffPolicy")
        if policy not in (None, "linear", "exponential"):
            self.refuse(f"{path}.backoffPolicy must be linear or exponential")
        timeout_s = self.duration_s(fields.get("timeout"), f"{path}.timeout")
        if timeout_s is not None and timeout_s <= 0:
            self.refuse(f"{path}.timeout must be longer than zero")
        sink = fields.get("deadLetterSink")
        return DeliverySpec(
            retry=retry,
            backoff_policy=policy,
            backoff_delay_s=self.duration_s(fields.get("backoffDelay"), f"{path}.backoffDelay"),
            timeout_s=timeout_s,
            dead_letter_sink=None if sink is None else self.sink(sink, f"{path}.deadLetterSink"),
        )

    def duration_s(self, value: object, path: str) -> float | None:
        if value is None:
            return None
        try:
            return parse_duration_s(str(value))
        except ValueError as exc:
            self.refuse(f"{path}: {exc}")

    def sink(self, value: object, path: str) -> SinkRef:
        fields = self.fields(value, path, {"ref", "uri"})
        uri = fields.get("uri")
        absolute = isinstance(uri, str) and re.match(r"https?://[^/]", uri) is not None
        if fields.get("ref") is None:
            if not absolute:
                self.refuse(f"{path} needs a ref, or an absolute http uri")
            return SinkRef(uri=uri)
        if absolute:
            self.refuse(f"{path} has a ref, so its uri must be relative")
        ref = self.fields(fields["ref"], f"{path}.ref", {"apiVersion", "kind", "namespace", "name"})
        for key in ("apiVersion", "kind", "name"):
            if not ref.get(key):
                self.refuse(f"{path}.ref.{key} is missing")
        namespace = ref.get("namespace") or self.namespace
        if namespace != self.namespace:
            self.refuse(f"{path}.ref.namespace differs from the manifest's, which needs the flag cross-namespace-event-links")
        return SinkRef(ref=(ref["apiVersion"], ref["kind"], namespace, ref["name"]), path=uri or None)

    def legacy_filter(self, value: object) -> Mapping[str, str] | None:
        if value is None:
            return None
        attributes = self.fields(value, "spec.filter", {"attributes"}).get("attributes")
        return None if attributes is None else self.attributes(attributes, "spec.filter.attributes")

    def filters(self, value: object, path: str) -> tuple[Filter, ...]:
        if not isinstance(value, list):
            self.refuse(f"{path} must be a list")
        return tuple(self.filter(item, f"{path}[{index}]") for index, item in enumerate(value))

    def filter(self, value: object, path: str) -> Filter:
        if isinstance(value, Mapping) and "cesql" in value:
            self.refuse(f"{path}.cesql: CESQL is not supported here; write exact, prefix, suffix, all, any or not")
        fields = self.fields(value, path, set(_DIALECTS))
        if len(fields) > 1:
            self.refuse(f"{path} has several dialects ({', '.join(sorted(fields))}); give each its own filter")
        return {dialect: self.operand(dialect, operand, f"{path}.{dialect}") for dialect, operand in fields.items()}

    def operand(self, dialect: str, operand: object, path: str) -> object:
        if dialect in ("all", "any"):
            return self.filters(operand, path)
        return self.filter(operand, path) if dialect == "not" else self.attributes(operand, path)

    def attributes(self, value: object, path: str) -> Mapping[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            self.refuse(f"{path} must map attribute names to strings")
        for name in value:
            if not _ATTRIBUTE_NAME.match(str(name)):
                self.refuse(f"{path}: {name!r} is no attribute name (a lower-case letter, then lower-case letters and digits)")
        return dict(value)
