"""What a function counts, as Prometheus reads it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.runtime.measures import Measures


def found(measures: Measures, name: str, **labels: str) -> float:
    labels |= {"operation": "thumbnail"}
    families = text_string_to_metric_families(measures.exposition("thumbnail").decode())
    [value] = [one.value for family in families for one in family.samples if (one.name, one.labels) == (name, labels)]
    return float(value)


def test_it_counts() -> None:
    measures = Measures()
    assert measures.is_cold
    measures.claimed()
    measures.claimed()
    assert not measures.is_cold
    measures.answered("completed")
    measures.answered("failed", "bad-input")
    measures.moved("read", 1000)
    with pytest.raises(KeyError), measures.phase("work"):
        raise KeyError
    assert found(measures, "darkroom_function_cold_starts_total") == 1
    assert found(measures, "darkroom_function_deliveries_total", **{"result": "failed", "class": "bad-input"}) == 1
    assert found(measures, "darkroom_function_bytes_total", direction="read") == 1000
    assert found(measures, "darkroom_function_bytes_total", direction="written") == 0
    assert found(measures, "darkroom_function_phase_seconds_count", phase="work") == 1


def test_before_the_first_event() -> None:
    assert found(Measures(), "darkroom_function_cold_starts_total") == 0
