"""Durations, windows, load and restarts: the small pure parts, each against its arithmetic."""

import pytest

from infra.local.durations import parse_go_duration_s
from infra.local.kpa_windows import AverageWindow, MaximumWindow
from infra.local.load import LoadCounter
from infra.local.manifest_fields import ANY, unknown_fields
from infra.local.restarts import Restarts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("1m30s", 90), ("10000ms", 10), ("1.5h", 5400), ("0", 0), ("-2s", -2), (".5s", 0.5), ("250us", 0.00025)],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert parse_go_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "1d", "PT10S", "10 s"])
def test_not_go_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_go_duration_s(text)


def test_average_window() -> None:
    window = AverageWindow(4)
    window.record(10, 8)
    assert window.average(10) == 8  # young: one second
    window.record(12, 4)
    assert window.average(12) == 4  # (8 + 0 + 4) / 3: the silent second counts
    assert window.average(14) == 2  # of the seconds 11 to 14 the last two are silent: (0 + 4) / 2
    assert window.average(16) == 0  # silent for a whole window


def test_average_window_forgets_after_a_silence() -> None:
    window = AverageWindow(4)
    window.record(10, 100)
    window.record(14, 6)
    assert window.average(14) == 6  # (6) / 1: what was before the silence does not dilute a new burst


def test_maximum_window() -> None:
    window = MaximumWindow(3, 2)  # two buckets of two seconds
    assert [window.record(second, value) for second, value in [(0, 5), (2, 1), (4, 2), (6, 1)]] == [5, 5, 2, 2]


def test_load_is_time_weighted() -> None:
    counter = LoadCounter(0.0)
    counter.arrive(0.0)
    counter.arrive(0.5)
    counter.depart(0.75)
    assert counter.read(1.0) == (1.25, 2.0)  # 0.5 × 1 + 0.25 × 2 + 0.25 × 1; two arrivals in a second
    assert counter.read(2.0) == (1.0, 0.0)  # the other one still runs


def test_restarts_wait_longer_for_who_dies_young() -> None:
    delays, restarts = [], Restarts()
    for _ in range(9):
        restarts = restarts.after_death(lived_s=0.1)
        delays.append(restarts.delay_s)
    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert restarts.is_loop
    assert restarts.after_death(lived_s=60).delay_s == 0


def test_unknown_fields_are_named_by_path() -> None:
    shape = {"a": ANY, "b": [{"c": ANY}]}
    assert list(unknown_fields({"a": {"x": 1}, "b": [{"c": 1}, {"d": 1}], "e": 1}, shape)) == ["b[1].d", "e"]
