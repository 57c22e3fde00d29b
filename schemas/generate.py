"""Writes the JSON Schemas of every payload into `schemas/json/`; `--check` says whether they are current, and writes nothing.

The one module of this package that touches files: a command for people, imported by nothing.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from schemas.catalogue import CATALOGUE
from schemas.facts import MediaFacts
from schemas.jobs import JobEnded
from schemas.payloads import Completed, Failed, Heartbeat, HeartbeatAnswer, Requested

FOLDER = Path(__file__).parent / "json"
MODELS: dict[str, type[BaseModel]] = {
    "dev.darkroom.operation.requested": Requested,
    "dev.darkroom.operation.completed": Completed,
    "dev.darkroom.operation.failed": Failed,
    "dev.darkroom.job.done": JobEnded,
    "dev.darkroom.job.failed": JobEnded,
    "dev.darkroom.job.cancelled": JobEnded,
    "heartbeat": Heartbeat,
    "heartbeat-answer": HeartbeatAnswer,
    "media-facts": MediaFacts,
    **{name: operation.parameters for name, operation in CATALOGUE.items() if operation.named_by_clients},
}


def current() -> dict[str, str]:
    """File name → text, as it should be."""
    return {
        f"{name}.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema(by_alias=True), indent=2
        )
        + "\n"
        for name, model in MODELS.items()
    }


def stale() -> list[str]:
    """Files that are missing, out of date or nobody's."""
    wanted = current()
    there = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main() -> int:
    if "--check" in sys.argv[1:]:
        if found := stale():
            print(f"not current: {', '.join(found)}; run python -m schemas.generate", file=sys.stderr)
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale():
        (FOLDER / name).unlink(missing_ok=True)
    for name, text in current().items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
