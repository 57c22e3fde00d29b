"""What an operation is given, and what it gives back. Who claims, fetches and stores is the rest of `functions.runtime`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.facts import MediaFacts
from schemas.parameters import Parameters
from schemas.payloads import Vector


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt, as an operation sees it.

    Attributes:
        operation: its name in the catalogue.
        parameters: the operation's own model, validated.
        facts: what probe found; None for probe alone.
        source: the original's bytes, in a private folder under a fixed name.
        filename: the client's name for it: words for messages, never a path.
        out: an empty folder for outputs.
        deadline_s: seconds that were left for this attempt when it began.
        progress: takes 0 to 1; cheap, and safe from any thread.
        stopped: True once the gateway has said stop.
    """

    operation: str
    parameters: Parameters
    facts: MediaFacts | None
    source: Path
    filename: str
    out: Path
    deadline_s: float
    progress: Callable[[float], None]
    stopped: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One file that the work made; `path.name` becomes the object's name."""

    path: Path
    content_type: str
    width_px: int | None = None
    height_px: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A whole result. `facts` and `content_type` come from probe alone, `vector` from embed alone."""

    outputs: Sequence[Output] = ()
    facts: MediaFacts | None = None
    content_type: str | None = None
    vector: Vector | None = None
