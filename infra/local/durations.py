"""Go's duration strings, as Knative's annotations and config maps use them: `10s`, `1m30s`, `10000ms`.

Leaves out ISO 8601: Triggers' delivery durations are the broker's.
"""

import re

_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(?:0|(?:{_PART.pattern})+)")


def parse_go_duration_s(text: str) -> float:
    """Seconds in a Go duration (time.ParseDuration).

    Raises ValueError for anything that Go would not parse.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"not a duration: {text!r}")
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    return round(-seconds if text.startswith("-") else seconds, 9)
