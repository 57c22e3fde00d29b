"""A function with failpoints around each step of an attempt: `probe-claimed`, `transcode-outputs-stored`, …"""

import infra.objects.open as opening
from tests.faults.wired.points import around
from tests.faults.wired.store import TroubledStore


def wire(operation: str) -> None:
    """Before the function's own module is imported."""
    open_objects = opening.open_objects
    opening.open_objects = lambda *args, **named: TroubledStore(open_objects(*args, **named))  # type: ignore[assignment]
    from functions.runtime import attempt

    around(attempt._Run, "claim", before=f"{operation}-before-claim", after=f"{operation}-claimed")
    around(attempt, "store_outputs", before=f"{operation}-worked")
    around(attempt, "store_result", before=f"{operation}-outputs-stored", after=f"{operation}-result-stored")
