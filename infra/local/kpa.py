"""How many instances a Knative Service should have: Knative's pod autoscaler (KPA) and the reconciler's scale to zero.

Pure: no clock, no I/O. `Autoscaler.decide` turns averages into a wish (pkg/autoscaler/scaling in Knative Serving 1.23);
`reconcile` bounds the wish and walks the last instance to zero (pkg/reconciler/autoscaling/kpa). Starting and stopping
instances is the pool's job. Left out: number of activators (here there is one).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from infra.local.kpa_settings import Scaling
from infra.local.kpa_windows import AverageWindow, MaximumWindow

TICK_S = 2
UNKNOWN = -1
_ACTIVATION_TIMEOUT_S = 600 + 10  # the deployment's progress deadline, and the reconciler's buffer on it


class Active(StrEnum):
    """The condition Active of a revision."""

    TRUE = "True"  # serving
    ACTIVATING = "Unknown"  # wanted, not enough instances ready yet
    FALSE = "False"  # no traffic: at zero, or on the way there


class Mode(StrEnum):
    """Where a request goes first."""

    PROXY = "Proxy"  # through the activator, which holds requests and sees the burst
    SERVE = "Serve"  # straight to the instances


class LoadMeter:
    """The stable and the panic average of one metric, fed about once a second."""

    def __init__(self, scaling: Scaling) -> None:
        self._stable, self._panic = AverageWindow(scaling.stable_window_s), AverageWindow(scaling.panic_window_s)
        self._always_known = scaling.target_burst_capacity == -1  # only the activator counts then, and its silence means zero

    def record(self, second: int, value: float) -> None:
        self._stable.record(second, value)
        self._panic.record(second, value)

    def averages(self, second: int) -> tuple[float, float] | None:
        """(stable, panic), or None when nothing was seen for a whole window."""
        if self._stable.is_empty(second) and not self._always_known:
            return None
        return self._stable.average(second), self._panic.average(second)


class Autoscaler:
    """The wish: how many pods the observed load asks for."""

    def __init__(self, scaling: Scaling, *, ready: int, now_s: float) -> None:
        self._scaling = scaling
        self._panic_since_s = now_s if ready > 1 else None  # found running: keep what is there until there is data
        self._panic_pods = ready
        self._delay = MaximumWindow(scaling.scale_down_delay_s, TICK_S) if scaling.scale_down_delay_s > 0 else None
        self.desired = UNKNOWN
        self.excess_burst_capacity = _initial_burst_capacity(scaling)
        self.stable = self.panic = 0.0

    @property
    def in_panic(self) -> bool:
        return self._panic_since_s is not None

    def decide(self, now_s: float, ready: int, averages: tuple[float, float] | None) -> bool:
        """Update `desired` and `excess_burst_capacity`; False, and nothing changed, when there is no data.

        `averages` are (stable, panic) of the scaling metric summed over all pods; `ready` counts the ready pods.
        """
        if averages is None:
            return False
        self.stable, self.panic = averages
        pods = max(1, ready)
        wanted_panic = math.ceil(self.panic / self._scaling.target)
        stable_pods = self._bounded(math.ceil(self.stable / self._scaling.target), pods)
        panic_pods = self._bounded(wanted_panic, pods)
        self._update_panic(now_s, wanted_panic / pods >= self._scaling.panic_threshold)
        desired = stable_pods
        if self.in_panic:
            self._panic_pods = desired = max(stable_pods, panic_pods, self._panic_pods)
        if self._delay is not None and self._scaling.reachable:
            desired = self._delay.record(int(now_s), desired)
        self.desired, self.excess_burst_capacity = desired, self._burst_capacity(ready)
        return True

    def _bounded(self, wanted: int, pods: int) -> int:
        """No faster up or down than the rates allow; what wakes at all wakes with activation-scale pods."""
        scaling = self._scaling
        most = math.ceil(scaling.max_scale_up_rate * pods)
        least = math.floor(pods / scaling.max_scale_down_rate) if scaling.reachable else 0
        bounded = min(max(wanted, least), most)
        return max(bounded, scaling.activation_scale) if wanted > 0 else bounded

    def _update_panic(self, now_s: float, over_threshold: bool) -> None:
        if over_threshold:
            self._panic_since_s = now_s
        elif self._panic_since_s is not None and self._panic_since_s + self._scaling.stable_window_s < now_s:
            self._panic_since_s, self._panic_pods = None, 0

    def _burst_capacity(self, ready: int) -> int:
        """Room for a burst beyond what is in flight; negative puts the activator in the path."""
        burst = self._scaling.target_burst_capacity
        if burst <= 0:
            return int(burst)
        return math.floor(ready * self._scaling.total - burst - self.panic)


def _initial_burst_capacity(scaling: Scaling) -> int:
    burst = scaling.target_burst_capacity
    return int(burst if burst in {-1, 0} else scaling.initial_scale * scaling.total - burst)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a revision stands between two reconciliations; the times are of the last change."""

    active: Active
    active_since_s: float
    mode: Mode
    mode_since_s: float
    scale: int  # the last bounded wish, UNKNOWN before the first
    replicas: int  # what the deployment was told: as they are while `scale` is 0 and the grace period lasts
    initialized: bool  # initial-scale was reached once


def standing_new(scaling: Scaling, now_s: float) -> Standing:
    """A revision just deployed."""
    return Standing(
        active=Active.ACTIVATING,
        active_since_s=now_s,
        mode=Mode.PROXY,
        mode_since_s=now_s,
        scale=UNKNOWN,
        replicas=max(scaling.initial_scale, scaling.min_scale),
        initialized=False,
    )


def reconcile(scaling: Scaling, autoscaler: Autoscaler, standing: Standing, *, ready: int, now_s: float) -> Standing:
    """One turn of the reconciler: bounds, scale to zero, the activator's place, the condition Active."""
    scale, apply = _scale(scaling, autoscaler.desired, standing, now_s)
    mode = Mode.SERVE if scale > 0 and autoscaler.excess_burst_capacity >= 0 else Mode.PROXY
    threshold = _ready_threshold(scaling, standing)
    active = _active(standing.active, scale=scale, ready=ready, threshold=threshold)
    return Standing(
        active=active,
        active_since_s=standing.active_since_s if active is standing.active else now_s,
        mode=mode,
        mode_since_s=standing.mode_since_s if mode is standing.mode else now_s,
        scale=standing.scale if scale == UNKNOWN else scale,
        replicas=scale if apply else standing.replicas,
        initialized=standing.initialized or ready >= threshold,
    )


def _scale(scaling: Scaling, desired: int, standing: Standing, now_s: float) -> tuple[int, bool]:
    """The bounded wish, and whether the deployment is told."""
    if desired < 0 and standing.active is not Active.ACTIVATING:
        return desired, False
    low = scaling.min_scale
    if scaling.initial_scale > 1 and not standing.initialized and scaling.reachable:
        low = max(low, scaling.initial_scale)
    scale = max(desired, low)
    if desired >= low and scaling.max_scale:
        scale = min(scale, scaling.max_scale)
    return (scale, True) if scale != 0 else _to_zero(scaling, standing, now_s)


def _to_zero(scaling: Scaling, standing: Standing, now_s: float) -> tuple[int, bool]:
    """Zero takes three steps: active for a stable window, then inactive, then behind the activator for the grace period."""
    if not scaling.scale_to_zero:
        return 1, True
    in_state_s = now_s - standing.active_since_s
    if standing.active is Active.ACTIVATING:
        return (0, True) if in_state_s > _ACTIVATION_TIMEOUT_S else (UNKNOWN, False)
    if standing.active is Active.TRUE:
        return (0, False) if in_state_s >= scaling.stable_window_s else (1, True)
    if in_state_s >= max(scaling.scale_to_zero_grace_s, scaling.last_pod_retention_s):
        return 0, True
    if in_state_s < scaling.last_pod_retention_s:
        return 0, False
    proxied_s = now_s - standing.mode_since_s if standing.mode is Mode.PROXY else 0.0
    return 0, proxied_s >= scaling.scale_to_zero_grace_s


def _ready_threshold(scaling: Scaling, standing: Standing) -> int:
    return max(scaling.min_scale, 1 if standing.initialized else scaling.initial_scale)


def _active(before: Active, *, scale: int, ready: int, threshold: int) -> Active:
    if scale == 0 or threshold == 0:
        return Active.FALSE
    if scale <= 0 and before is Active.FALSE:
        return Active.FALSE
    return Active.TRUE if ready >= threshold else Active.ACTIVATING
