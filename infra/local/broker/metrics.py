"""The broker's numbers under Knative's own names (OpenTelemetry since 1.19), in Prometheus text form."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass

# OpenTelemetry's default boundaries for durations in seconds.
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_DISPATCH = "kn_eventing_dispatch_duration_seconds"


@dataclass(frozen=True, kw_only=True)
class DispatchLabels:
    """What one try is filed under. `trigger` is the bare name; it lives in the broker's namespace."""

    broker: str
    namespace: str
    trigger: str
    event_type: str
    status: int

    def text(self) -> str:
        values = {
            "kn_broker_name": self.broker,
            "kn_broker_namespace": self.namespace,
            "cloudevents_type": self.event_type,
            "http_response_status_code": str(self.status),
            "messaging_destination_name": f"trigger:{self.trigger}.{self.namespace}",
        }
        return ",".join(f'{name}="{_escape(value)}"' for name, value in values.items())


class DispatchMetrics:
    """A histogram of tries, by labels."""

    def __init__(self) -> None:
        self._buckets: dict[DispatchLabels, list[int]] = {}
        self._sums_s: Counter[DispatchLabels] = Counter()

    def observe(self, labels: DispatchLabels, duration_s: float) -> None:
        buckets = self._buckets.setdefault(labels, [0] * (len(_BOUNDS_S) + 1))
        buckets[bisect_left(_BOUNDS_S, duration_s)] += 1
        self._sums_s[labels] += duration_s  # type: ignore[assignment]  # a Counter adds floats as well

    def lines(self) -> list[str]:
        lines = [f"# TYPE {_DISPATCH} histogram"]
        for labels, buckets in self._buckets.items():
            text, count = labels.text(), 0
            for bound, amount in zip((*map(str, _BOUNDS_S), "+Inf"), buckets, strict=True):
                count += amount
                lines.append(f'{_DISPATCH}_bucket{{{text},le="{bound}"}} {count}')
            lines.append(f"{_DISPATCH}_sum{{{text}}} {self._sums_s[labels]}")
            lines.append(f"{_DISPATCH}_count{{{text}}} {count}")
        return lines


def gauge(name: str, value: int) -> list[str]:
    return [f"# TYPE {name} gauge", f"{name} {value}"]


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
