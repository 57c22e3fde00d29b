"""How uploads are cut into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.parts import cut, part_bytes
from infra.objects.port import MAX_PART_BYTES, MAX_PARTS, MIN_PART_BYTES

MIB = 2**20


@pytest.mark.parametrize(
    ("size", "part"),
    [
        (1, 8 * MIB),
        (64 * MIB + 1, 8 * MIB),
        (8000 * MIB, 8 * MIB),  # a thousand parts of 8 MiB
        (8000 * MIB + 1, 9 * MIB),
        (10 * 1024 * MIB, 11 * MIB),  # 10,240 MiB / 1000, made whole
    ],
)
def test_the_length_of_a_part(size: int, part: int) -> None:
    assert part_bytes(size) == part


@given(st.integers(min_value=1, max_value=4 * 2**40))
def test_parts_are_the_whole_and_within_the_bounds_of_s3(size: int) -> None:
    parts = cut(size, part_bytes(size))
    assert sum(parts.values()) == size
    assert list(parts) == list(range(1, len(parts) + 1))
    assert len(parts) <= MAX_PARTS
    assert all(MIN_PART_BYTES <= length <= MAX_PART_BYTES for length in list(parts.values())[:-1])
    assert list(parts.values())[-1] >= 1
