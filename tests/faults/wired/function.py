"""A function with failpoints around each step of an attempt."""

import infra.objects.open as opening
from tests.faults.wired.points import around
from tests.faults.wired.store import TroubledStore

_open = opening.open_objects
opening.open_objects = lambda *args, **named: TroubledStore(_open(*args, **named))  # type: ignore[assignment]

from functions.runtime import attempt  # noqa: E402

around(attempt._Run, "claim", before="function-before-claim", after="function-claimed")
around(attempt, "store_outputs", before="function-worked")
around(attempt, "store_result", before="function-outputs-stored", after="function-result-stored")
