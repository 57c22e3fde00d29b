"""What a function counts, as Prometheus reads it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.runtime.measures import Measures


def samples(measures: Measures) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(measures.exposition("thumbnail").decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_it_counts() -> None:
    measures = Measures()
    assert [measures.claimed(), measures.claimed()] == [True, False]
    measures.answered("completed")
    measures.answered("failed", "bad-input")
    measures.moved("read", 1000)
    with pytest.raises(ValueError), measures.phase("work"):
        raise ValueError
    found = samples(measures)
    assert found["darkroom_function_cold_starts_total", "thumbnail"] == 1
    assert found["darkroom_function_deliveries_total", "thumbnail", "failed", "bad-input"] == 1
    assert found["darkroom_function_bytes_total", "thumbnail", "read"] == 1000
    assert found["darkroom_function_bytes_total", "thumbnail", "written"] == 0
    assert found["darkroom_function_phase_seconds_count", "thumbnail", "work"] == 1


def test_before_the_first_event() -> None:
    assert samples(Measures())["darkroom_function_cold_starts_total", "thumbnail"] == 0
