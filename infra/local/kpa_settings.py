"""What config-autoscaler and a revision's annotations say, resolved to the numbers that the autoscaler works with.

Keys, defaults, bounds and precedence are Knative Serving 1.23's (pkg/autoscaler/config, pkg/apis/autoscaling,
pkg/reconciler/autoscaling/resources). Left out, and refused by name: the HPA class, the weighted-exponential average, max-scale-limit.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from infra.local.durations import parse_go_duration_s

DOMAIN = "autoscaling.knative.dev/"
_KPA_CLASS = "kpa.autoscaling.knative.dev"
_WINDOW_S = (6.0, 3600.0)
_TARGET_MIN = 0.01
_RPS_UTILIZATION = 0.7
_UNBOUNDED = math.inf
_N = TypeVar("_N", int, float)


class InvalidSetting(ValueError):
    """An autoscaler setting that Knative would refuse, or that this platform does not offer."""

    def __init__(self, key: str, value: str, reason: str) -> None:
        super().__init__(f"{key}={value}: {reason}")
        self.key, self.value, self.reason = key, value, reason


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One revision's autoscaling, all defaults resolved. Rates are factors, thresholds fractions."""

    metric: str  # "concurrency" or "rps"
    target: float  # what the autoscaler aims for in one pod
    total: float  # what one pod can take
    stable_window_s: int
    panic_window_s: int
    panic_threshold: float
    max_scale_up_rate: float
    max_scale_down_rate: float
    target_burst_capacity: float
    scale_down_delay_s: float
    activation_scale: int
    initial_scale: int
    min_scale: int
    max_scale: int  # 0: no limit
    scale_to_zero: bool
    scale_to_zero_grace_s: float
    last_pod_retention_s: float
    reachable: bool


@dataclass(frozen=True, kw_only=True)
class AutoscalerConfig:
    """The config map `config-autoscaler`: field names are its keys, with underscores."""

    enable_scale_to_zero: bool = True
    allow_zero_initial_scale: bool = False
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    container_concurrency_target_percentage: float = 0.7  # up to 1 a fraction, above it a percentage
    container_concurrency_target_default: float = 100.0
    requests_per_second_target_default: float = 200.0
    target_burst_capacity: float = 211.0
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    initial_scale: int = 1
    min_scale: int = 0
    max_scale: int = 0
    stable_window: float = 60.0
    scale_down_delay: float = 0.0
    scale_to_zero_grace_period: float = 30.0
    scale_to_zero_pod_retention_period: float = 0.0


_DURATIONS = {"stable_window", "scale_down_delay", "scale_to_zero_grace_period", "scale_to_zero_pod_retention_period"}
_WITHOUT_MEANING_HERE = {"_example", "activator-capacity"}  # documentation, and the size of a fleet of activators


def parse_config(data: Mapping[str, str]) -> AutoscalerConfig:
    """Read the config map's data.

    Raises InvalidSetting where Knative would reject the map, and for keys that this platform does not know.
    """
    known = {field.name.replace("_", "-"): field for field in fields(AutoscalerConfig)}
    values: dict[str, float | int | bool] = {}
    for key, text in data.items():
        if key in _WITHOUT_MEANING_HERE or (key, text) == ("pod-autoscaler-class", _KPA_CLASS):
            continue
        if key not in known:
            raise InvalidSetting(key, text, "the local autoscaler does not support this key of config-autoscaler")
        name = known[key].name
        if name in _DURATIONS:
            values[name] = _number(key, text, parse_go_duration_s)
        elif known[key].type is bool:
            values[name] = text.lower() == "true"
        else:
            values[name] = _number(key, text, int if known[key].type is int else float)
    config = AutoscalerConfig(**values)  # type: ignore[arg-type]  # each value was made by its field's type
    if config.container_concurrency_target_percentage > 1:
        fraction = config.container_concurrency_target_percentage / 100
        config = AutoscalerConfig(**{**values, "container_concurrency_target_percentage": fraction})  # type: ignore[arg-type]
    _check_config(config)
    return config


def _check_config(config: AutoscalerConfig) -> None:
    def check(key: str, is_valid: bool, rule: str) -> None:
        if not is_valid:
            raise InvalidSetting(key, str(getattr(config, key.replace("-", "_"))), rule)

    fraction = config.container_concurrency_target_percentage
    check("scale-to-zero-grace-period", config.scale_to_zero_grace_period > 0, "must be positive")
    check("scale-down-delay", config.scale_down_delay >= 0, "cannot be negative")
    check("scale-down-delay", config.scale_down_delay.is_integer(), "whole seconds only")
    check("scale-to-zero-pod-retention-period", config.scale_to_zero_pod_retention_period >= 0, "cannot be negative")
    check("target-burst-capacity", config.target_burst_capacity >= 0 or config.target_burst_capacity == -1, "must be -1 or not negative")
    check("container-concurrency-target-percentage", 0 < fraction <= 1, "must be in (0, 100]")
    check("container-concurrency-target-default", fraction * config.container_concurrency_target_default >= _TARGET_MIN, "too small")
    check("requests-per-second-target-default", config.requests_per_second_target_default >= _TARGET_MIN, "too small")
    check("max-scale-up-rate", config.max_scale_up_rate > 1, "must be greater than 1")
    check("max-scale-down-rate", config.max_scale_down_rate > 1, "must be greater than 1")
    check("stable-window", _WINDOW_S[0] <= config.stable_window <= _WINDOW_S[1], "must be from 6s to 1h")
    check("stable-window", config.stable_window.is_integer(), "whole seconds only")
    check("panic-window-percentage", 1 <= config.panic_window_percentage <= 100, "must be from 1 to 100")
    check("initial-scale", config.initial_scale >= (0 if config.allow_zero_initial_scale else 1), "too small")
    check("min-scale", config.min_scale >= 0, "cannot be negative")
    check("max-scale", config.max_scale >= 0, "cannot be negative")
    check("min-scale", config.max_scale == 0 or config.min_scale <= config.max_scale, "greater than max-scale")


class _Annotations:
    """Typed reading of `autoscaling.knative.dev/…`; each value is checked when it is read."""

    def __init__(self, annotations: Mapping[str, str]) -> None:
        self._values = {key.removeprefix(DOMAIN): value for key, value in annotations.items() if key.startswith(DOMAIN)}
        self.read: set[str] = set()

    def text(self, key: str) -> str | None:
        self.read.add(key)
        return self._values.get(key)

    def number(self, key: str, low: float, high: float = _UNBOUNDED, *, also: float | None = None) -> float | None:
        text = self.text(key)
        if text is None:
            return None
        value = _number(DOMAIN + key, text, float)
        if not low <= value <= high and value != also:
            raise InvalidSetting(DOMAIN + key, text, f"must be from {low:g} to {high:g}")
        return value

    def count(self, key: str, low: int = 0) -> int | None:
        text = self.text(key)
        if text is None:
            return None
        value = _number(DOMAIN + key, text, int)
        if not low <= value < 2**31:
            raise InvalidSetting(DOMAIN + key, text, f"must be at least {low}")
        return value

    def duration_s(self, key: str, low_s: float, *, whole: bool = True) -> float | None:
        text = self.text(key)
        if text is None:
            return None
        value = _number(DOMAIN + key, text, parse_go_duration_s)
        if not low_s <= value <= _WINDOW_S[1]:
            raise InvalidSetting(DOMAIN + key, text, f"must be from {low_s:g}s to 1h")
        if whole and not value.is_integer():
            raise InvalidSetting(DOMAIN + key, text, "whole seconds only")
        return value

    def unread(self) -> list[str]:
        return sorted(DOMAIN + key for key in self._values.keys() - self.read)


def resolve(config: AutoscalerConfig, annotations: Mapping[str, str], *, container_concurrency: int, reachable: bool = True) -> Scaling:
    """One revision's scaling from the cluster's settings and the revision's annotations.

    `container_concurrency` 0 means no limit. Raises InvalidSetting where Knative's admission would refuse the annotation, for the
    weighted-exponential average, and for annotations of the autoscaler that this platform does not know.
    """
    given = _Annotations(annotations)
    _check_choice(given, "class", {_KPA_CLASS})
    _check_choice(given, "metric-aggregation-algorithm", {"", "linear"})
    _check_choice(given, "metric", {"concurrency", "rps"})
    metric = given.text("metric") or "concurrency"
    min_scale, max_scale, activation_scale = _bounds(given)
    initial_scale = given.count("initial-scale", low=0 if config.allow_zero_initial_scale else 1)
    stable_window_s = _first(given.duration_s("window", _WINDOW_S[0]), config.stable_window)
    panic_percentage = _first(given.number("panic-window-percentage", 1, 100), config.panic_window_percentage)
    panic_threshold = _first(given.number("panic-threshold-percentage", 110, 1000), config.panic_threshold_percentage)
    target, total = _target(config, given, metric, container_concurrency)
    retention_s = _first(given.duration_s("scale-to-zero-pod-retention-period", 0, whole=False), config.scale_to_zero_pod_retention_period)
    scaling = Scaling(
        metric=metric,
        target=target,
        total=total,
        stable_window_s=int(stable_window_s),
        panic_window_s=max(1, math.floor(stable_window_s * panic_percentage / 100 + 0.5)),
        panic_threshold=panic_threshold / 100,
        max_scale_up_rate=config.max_scale_up_rate,
        max_scale_down_rate=config.max_scale_down_rate,
        target_burst_capacity=_first(given.number("target-burst-capacity", 0, also=-1), config.target_burst_capacity),
        scale_down_delay_s=_first(given.duration_s("scale-down-delay", 0), config.scale_down_delay),
        activation_scale=activation_scale,
        initial_scale=config.initial_scale if initial_scale is None else initial_scale,
        min_scale=(config.min_scale if min_scale is None else min_scale) if reachable else 0,
        max_scale=config.max_scale if max_scale is None else max_scale,
        scale_to_zero=config.enable_scale_to_zero,
        scale_to_zero_grace_s=config.scale_to_zero_grace_period,
        last_pod_retention_s=retention_s if reachable else 0.0,
        reachable=reachable,
    )
    for key in given.unread():
        raise InvalidSetting(key, annotations[key], "the local autoscaler does not support this annotation")
    return scaling


def _bounds(given: _Annotations) -> tuple[int | None, int | None, int]:
    minimum, maximum = given.count("min-scale"), given.count("max-scale")
    if maximum and maximum < (minimum or 0):
        raise InvalidSetting(DOMAIN + "max-scale", str(maximum), f"less than min-scale={minimum}")
    activation = given.count("activation-scale", low=2)
    if activation is not None and not (minimum or 0) <= activation <= (maximum or _UNBOUNDED):
        raise InvalidSetting(DOMAIN + "activation-scale", str(activation), "must be between min-scale and max-scale")
    return minimum, maximum, activation or 0


def _target(config: AutoscalerConfig, given: _Annotations, metric: str, container_concurrency: int) -> tuple[float, float]:
    """Target and total of one pod (ResolveMetricTarget): a hard limit caps the annotation, never the other way round."""
    if metric == "rps":
        total, utilization = config.requests_per_second_target_default, _RPS_UTILIZATION
    else:
        total = float(container_concurrency) or config.container_concurrency_target_default
        utilization = config.container_concurrency_target_percentage
    annotated = given.number("target", _TARGET_MIN)
    if annotated is not None:
        total = min(annotated, container_concurrency) if metric == "concurrency" and container_concurrency else annotated
    percentage = given.number("target-utilization-percentage", 1, 100)
    return max(_TARGET_MIN, total * (utilization if percentage is None else percentage / 100)), total


def _check_choice(given: _Annotations, key: str, choices: set[str]) -> None:
    text = given.text(key)
    if text is not None and text not in choices:
        raise InvalidSetting(DOMAIN + key, text, f"the local autoscaler knows {', '.join(sorted(filter(None, choices)))}")


def _first(value: float | None, default: float) -> float:
    return default if value is None else value


def _number(key: str, text: str, parse: Callable[[str], _N]) -> _N:
    try:
        return parse(text)
    except ValueError as exc:
        raise InvalidSetting(key, text, "not a valid value") from exc
