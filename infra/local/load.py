"""What a service is asked to carry: requests in flight, averaged over time, and their rate. Pure; callers say what time it is."""


class LoadCounter:
    """Requests from arrival to answer, waiting ones included."""

    def __init__(self, now_s: float) -> None:
        self.in_flight = 0
        self._area = 0.0  # requests × seconds since the last reading
        self._arrivals = 0
        self._changed_s = self._read_s = now_s

    def arrive(self, now_s: float) -> None:
        self._advance(now_s)
        self.in_flight += 1
        self._arrivals += 1

    def depart(self, now_s: float) -> None:
        self._advance(now_s)
        self.in_flight -= 1

    def read(self, now_s: float) -> tuple[float, float]:
        """(average concurrency, requests per second) since the last reading."""
        self._advance(now_s)
        elapsed_s = max(now_s - self._read_s, 1e-9)
        reading = self._area / elapsed_s, self._arrivals / elapsed_s
        self._area, self._arrivals, self._read_s = 0.0, 0, now_s
        return reading

    def _advance(self, now_s: float) -> None:
        self._area += self.in_flight * (now_s - self._changed_s)
        self._changed_s = now_s
