"""The two memories of the autoscaler: averages over a window of one-second buckets, and the maximum over a delay.

Both follow Knative Serving 1.23 (pkg/autoscaler/aggregation), the linear average only. No clock of their own: callers say what
second it is.
"""

import math
from collections import deque


class AverageWindow:
    """Average of what was recorded in the last `length_s` seconds; a young window is averaged over its own age."""

    def __init__(self, length_s: int) -> None:
        self._length_s = length_s
        self._buckets: deque[tuple[int, float]] = deque()
        self._first_s = 0

    def record(self, second: int, value: float) -> None:
        """Add `value` to the bucket of this second. Seconds never go back; skipped ones count as zero."""
        last = self._buckets[-1][0] if self._buckets else None
        if last is None or second - last >= self._length_s:
            self._buckets.clear()
            self._first_s = second
        if self._buckets and last == second:
            self._buckets[-1] = (second, self._buckets[-1][1] + value)
        else:
            self._buckets.append((second, value))
        while self._buckets[0][0] <= second - self._length_s:
            self._buckets.popleft()

    def is_empty(self, second: int) -> bool:
        """Was nothing recorded for longer than the window?"""
        return not self._buckets or second - self._buckets[-1][0] > self._length_s

    def average(self, second: int) -> float:
        """The mean over the seconds that were written to, silent seconds at the end left out; 0 when all are silent."""
        if not self._buckets:
            return 0.0
        last = self._buckets[-1][0]
        silent_s = max(0, second - last)
        if silent_s >= self._length_s:
            return 0.0
        total = sum(value for at, value in self._buckets if at > last + silent_s - self._length_s)
        mean = total / min(last - self._first_s + 1, self._length_s - silent_s)
        return math.floor(mean * 1e6 + 0.5) / 1e6  # Go's rounding, half away from zero


class MaximumWindow:
    """The largest of the values recorded in the last `length_s` seconds, in buckets of `granularity_s`."""

    def __init__(self, length_s: float, granularity_s: int) -> None:
        self._buckets = -int(-length_s // granularity_s)
        self._granularity_s = granularity_s
        self._entries: deque[tuple[int, int]] = deque()

    def record(self, second: int, value: int) -> int:
        """Record, and return the maximum with this value in it."""
        index = second // self._granularity_s
        self._entries.append((index, value))
        while self._entries[0][0] <= index - self._buckets:
            self._entries.popleft()
        return max(held for _, held in self._entries)
