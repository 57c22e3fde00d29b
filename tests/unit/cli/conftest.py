from collections.abc import Iterator

import pytest

from tests.unit.cli.small_gateway import SmallGateway, serving


@pytest.fixture
def gateway() -> Iterator[SmallGateway]:
    with serving(SmallGateway()) as up:
        yield up
