"""Artifacts into a folder of a person's: nothing that is there is overwritten, nothing is fetched twice."""

from hashlib import file_digest
from pathlib import Path
from typing import Any

from infra.cli.client import Client
from infra.cli.errors import CommandError


def download(client: Client, artifact: dict[str, Any], folder: Path, name: str) -> Path:
    """Where the artifact is now. A file of that name with other bytes stays; the artifact then goes beside it, with 8 digits of its sha256.

    Raises:
        WorkFailed: the bytes are not those that were recorded, or the store does not give them.
        GatewayUnreachable: the store does not answer. CommandError: the folder cannot be written.
    """
    path = folder / name
    beside = path.with_stem(f"{path.stem}-{artifact['sha256'][:8]}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in (path, beside):
            if not place.exists():
                client.save(artifact, place)
                return place
            if holds(place, artifact["sha256"]):
                return place
        client.save(artifact, beside)
    except OSError as exc:
        raise CommandError(f"{folder} cannot be written ({exc.strerror}); choose another folder with --to") from exc
    return beside


def holds(path: Path, sha256: str) -> bool:
    """Whether the file has these bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest() == sha256
