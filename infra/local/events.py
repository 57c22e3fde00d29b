"""What the platform tells while it runs: one event for each line that a person would want to see."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    STARTED = "started"  # a process was spawned because it was wanted
    STOPPED = "stopped"  # a process ended because it was no longer wanted
    HEALED = "healed"  # a process was spawned in place of one that died
    CRASH_LOOP = "crash-loop"  # it died again and again; the next try waits


@dataclass(frozen=True, kw_only=True)
class PlatformEvent:
    """`name` is the Service's or Deployment's; `reason` one short sentence."""

    kind: EventKind
    name: str
    pid: int
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.kind} (pid {self.pid}), {self.reason}"


OnEvent = Callable[[PlatformEvent], None]
