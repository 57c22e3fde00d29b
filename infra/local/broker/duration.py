"""ISO 8601 durations as Knative reads them: with the period parser of rickb777/date, and one decimal kept.

More lenient than the standard (signs, `PT1.S`, a comma), stricter in nothing; `PT0.25S` is 0.2 s, as it is on a cluster.
"""

import re

# Mean Gregorian year and a twelfth of it, as that parser has them: 365.2425 days of 86,400 s.
_YEAR_S = 31_556_952
_UNITS_S = {"Y": _YEAR_S, "M": _YEAR_S // 12, "W": 604_800, "D": 86_400, "H": 3_600, "m": 60, "S": 1}

_NUMBER = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)"
_DATE = "".join(f"(?P<{unit}>{_NUMBER}{unit})?" for unit in "YMWD")
_TIME = "".join(f"(?P<{group}>{_NUMBER}{unit})?" for group, unit in (("H", "H"), ("m", "M"), ("S", "S")))
_DURATION = re.compile(f"(?P<sign>[+-]?)P{_DATE}(?:T{_TIME})?")


def parse_duration_s(text: str) -> float:
    """The seconds of an ISO 8601 duration; each number is cut after its first decimal.

    Raises:
        ValueError: the text is no such duration.
    """
    match = _DURATION.fullmatch(text)
    parts = {unit: value for unit in _UNITS_S if match and (value := match[unit])}
    if match is None or not parts:
        raise ValueError(f"{text!r} is no ISO 8601 duration such as PT0.2S or PT5M")
    tenths = sum(_tenths(value[:-1]) * _UNITS_S[unit] for unit, value in parts.items())
    return (-tenths if match["sign"] == "-" else tenths) / 10


def _tenths(number: str) -> int:
    whole, _, decimals = number.replace(",", ".").partition(".")
    magnitude = int(whole.lstrip("+-") or "0") * 10 + int(decimals[:1] or "0")
    return -magnitude if whole.startswith("-") else magnitude
