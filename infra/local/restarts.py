"""How long to wait before a process that died is started again. Pure.

The first death is healed at once. One that keeps dying young waits longer each time, so that it cannot eat the machine.
"""

from dataclasses import dataclass, replace

_YOUNG_S = 10.0  # who lives longer has worked, and starts with a clean sheet
_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 30.0
_LOOP = 3


@dataclass(frozen=True)
class Restarts:
    """Deaths in a row of processes that lived less than ten seconds."""

    young_deaths: int = 0

    def after_death(self, lived_s: float) -> "Restarts":
        return replace(self, young_deaths=self.young_deaths + 1 if lived_s < _YOUNG_S else 0)

    @property
    def delay_s(self) -> float:
        if self.young_deaths <= 1:
            return 0.0
        return min(_FIRST_DELAY_S * 2.0 ** (self.young_deaths - 2), _MAX_DELAY_S)

    @property
    def is_loop(self) -> bool:
        return self.young_deaths >= _LOOP
