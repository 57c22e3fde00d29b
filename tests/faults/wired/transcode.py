"""The function transcode with failpoints."""

from tests.faults.wired.function import wire

wire("transcode")

from functions.transcode.main import handle  # noqa: E402

__all__ = ["handle"]
