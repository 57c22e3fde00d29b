"""The function probe with failpoints."""

from tests.faults.wired.function import wire

wire("probe")

from functions.probe.main import handle  # noqa: E402

__all__ = ["handle"]
