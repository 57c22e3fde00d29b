"""Every decision that Knative's own autoscaler made in `vectors/kpa.jsonl`, made again here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.kpa import TICK_S, UNKNOWN, Active, Autoscaler, LoadMeter, Mode, Standing, reconcile, standing_new
from infra.local.kpa_settings import InvalidSetting, Scaling, parse_config, resolve

_LINES = (Path(__file__).parents[1] / "vectors" / "kpa.jsonl").read_text().splitlines()
_CASES = [json.loads(line) for line in _LINES]
_WEIGHTED = "autoscaling.knative.dev/metric-aggregation-algorithm"


def _is_weighted(case: dict[str, Any]) -> bool:
    return bool(case["annotations"].get(_WEIGHTED) == "weighted-exponential")


def _resolve(case: dict[str, Any]) -> Scaling:
    return resolve(
        parse_config(case["config"]),
        case["annotations"],
        container_concurrency=case["container_concurrency"],
        reachable=not case.get("unreachable", False),
    )


def _standing(case: dict[str, Any], scaling: Scaling) -> Standing:
    if case["start"] == "new":
        return standing_new(scaling, 0.0)
    is_idle = case["start"] == "idle"
    return Standing(
        active=Active.FALSE if is_idle else Active.TRUE,
        active_since_s=0.0,
        mode=Mode.PROXY if is_idle else Mode.SERVE,
        mode_since_s=0.0,
        scale=UNKNOWN,
        replicas=0 if is_idle else case["ready"][0],
        initialized=True,
    )


def _averages(case: dict[str, Any], scaling: Scaling) -> Iterator[tuple[float, float] | None]:
    if "metrics" in case:
        for given in case["metrics"]:
            yield None if given.get("no_data") else (given["stable"], given["panic"])
        return
    meter = LoadMeter(scaling)
    for second, value in enumerate(case["load"]):
        meter.record(second, value)
        if second % TICK_S == TICK_S - 1:  # decision i knows samples 0 to 2i - 1
            yield meter.averages(second)


def _decisions(case: dict[str, Any], scaling: Scaling) -> Iterator[dict[str, Any]]:
    autoscaler = Autoscaler(scaling, ready=case["ready"][0], now_s=0.0)
    standing = _standing(case, scaling)
    averages = _averages(case, scaling)
    for index, ready in enumerate(case["ready"]):
        now_s = float(index * TICK_S)
        valid = index > 0 and autoscaler.decide(now_s, ready, next(averages))
        standing = reconcile(scaling, autoscaler, standing, ready=ready, now_s=now_s)
        yield {
            "t_s": now_s,
            "valid": valid,
            "desired": autoscaler.desired,
            "ebc": autoscaler.excess_burst_capacity,
            "in_panic": autoscaler.in_panic,
            "scale": standing.scale,
            "replicas": standing.replicas,
            "active": standing.active.value,
            "mode": standing.mode.value,
            "stable": autoscaler.stable,
            "panic": autoscaler.panic,
        }


@pytest.mark.parametrize("number", [n for n, line in enumerate(_CASES) if line["expected"]["admitted"] and not _is_weighted(line["case"])])
def test_decides_as_knative(number: int) -> None:
    case, expected = _CASES[number]["case"], _CASES[number]["expected"]
    scaling = _resolve(case)
    settings = (scaling.target, scaling.total, scaling.stable_window_s, scaling.panic_window_s)
    assert settings == pytest.approx(tuple(expected[key] for key in ("target", "total", "stable_window_s", "panic_window_s")), abs=1e-6)
    for made, wanted in zip(_decisions(case, scaling), expected["ticks"], strict=True):
        compared = {key: made[key] for key in wanted if key in made}
        assert compared == {key: pytest.approx(wanted[key], abs=1e-6) if key in {"stable", "panic"} else wanted[key] for key in compared}


@pytest.mark.parametrize("number", [n for n, line in enumerate(_CASES) if not line["expected"]["admitted"]])
def test_refuses_what_admission_refuses(number: int) -> None:
    with pytest.raises(InvalidSetting):
        _resolve(_CASES[number]["case"])


def test_refuses_the_weighted_average() -> None:
    weighted = [line["case"] for line in _CASES if _is_weighted(line["case"]) and line["expected"]["admitted"]]
    for case in weighted:
        with pytest.raises(InvalidSetting, match="metric-aggregation-algorithm"):
            _resolve(case)
    assert len(weighted) == 21  # 23 in the file, 2 of them refused by Knative too
    assert len(_CASES) == 300
