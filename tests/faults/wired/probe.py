"""The function probe with failpoints."""

import tests.faults.wired.function  # noqa: F401 - first: it patches
from functions.probe.main import handle

__all__ = ["handle"]
