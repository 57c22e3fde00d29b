"""The function thumbnail with failpoints."""

from tests.faults.wired.function import wire

wire("thumbnail")

from functions.thumbnail.main import handle  # noqa: E402

__all__ = ["handle"]
