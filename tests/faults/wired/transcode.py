"""The function transcode with failpoints."""

import tests.faults.wired.function  # noqa: F401 - first: it patches
from functions.transcode.main import handle

__all__ = ["handle"]
