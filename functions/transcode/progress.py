"""FFmpeg's own report of progress (`-progress pipe:1`), line by line, to a fraction of the whole."""

from collections.abc import Callable

from schemas.facts import MediaFacts

_NEARLY = 0.99  # 1 is said when the result is stored


class Progress:
    """Takes the report's lines; tells `tell` how much is done, from frames where their number is known, else from time."""

    def __init__(self, facts: MediaFacts, tell: Callable[[float], None]) -> None:
        self._frames = facts.frames or 0
        self._us = (facts.duration_ms or 0) * 1000
        self._tell = tell
        self._seen = {"frame": 0, "out_time_us": 0}

    def line(self, line: str) -> bool:
        """True if the line shows progress: more frames or more time than any before."""
        name, _, value = line.partition("=")
        if not value.strip().isdecimal():
            return False
        count = int(value)
        if count <= self._seen.get(name, count):  # other names show nothing
            return False
        self._seen[name] = count
        whole = self._frames if name == "frame" else self._us * (not self._frames)
        if whole:
            self._tell(min(_NEARLY, count / whole))
        return True
