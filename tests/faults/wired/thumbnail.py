"""The function thumbnail with failpoints."""

import tests.faults.wired.function  # noqa: F401 - first: it patches
from functions.thumbnail.main import handle

__all__ = ["handle"]
