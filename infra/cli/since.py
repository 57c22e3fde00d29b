"""What people write after `--since`: a time, or how long ago. Pure."""

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def since(text: str, now: datetime) -> datetime:
    """The moment that `90s`, `15m`, `2h`, `3d` or an RFC 3339 time means; one without a zone is UTC.

    Raises:
        ValueError.
    """
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
