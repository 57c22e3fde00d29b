"""`--since`."""

from datetime import UTC, datetime

import pytest

from infra.cli.since import since

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2026, 3, 1, 11, 58, 30, tzinfo=UTC)),
        ("15m", datetime(2026, 3, 1, 11, 45, tzinfo=UTC)),
        ("2h", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("3d", datetime(2026, 2, 26, 12, tzinfo=UTC)),  # 2026 is no leap year
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_since(text: str, expected: datetime) -> None:
    assert since(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "2 h", "h", "-1h", "yesterday", "2026-13-01"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        since(text, NOW)
