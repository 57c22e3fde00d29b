"""One traced system for this folder, its spans in a collector of the test's own."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.acceptance.system import System, running
from tests.monitoring.collector import Collector, collecting


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A system, and where its traces go."""

    system: System
    collector: Collector


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with collecting() as collector:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with running(tmp_path_factory.mktemp("watched"), **environment) as system:
            yield Watched(system=system, collector=collector)
