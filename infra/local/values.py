"""What a manifest leaves to its cluster: secrets, overrides and ports. One table, given by whoever starts the platform."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from infra.local.errors import LocalPlatformError


@dataclass(frozen=True, kw_only=True)
class Values:
    """Everything that is not in the manifests."""

    database_url: str | None = None  # the broker's; None: an embedded PostgreSQL in the data folder
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # secret → key → value
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # laid over the manifests' data
    env: Mapping[str, str] = field(default_factory=dict)  # for every container, over what its manifest says
    ports: Mapping[str, int] = field(default_factory=dict)  # Service, or `broker` or `metrics` → its fixed local port
    working_dir: Path = field(default_factory=Path.cwd)  # where containers start


def read_values(path: Path) -> Values:
    """Read the table from a JSON file.

    Raises:
        LocalPlatformError: the file cannot be read, or has a key that is not one of the fields of `Values`.
    """
    try:
        table = json.loads(path.read_text())
    except (OSError, ValueError) as exc:
        raise LocalPlatformError(f"cannot read the values file {path}: {exc}") from exc
    unknown = set(table) - {known.name for known in fields(Values)}
    if unknown:
        raise LocalPlatformError(f"the values file {path} has unknown keys: {', '.join(sorted(unknown))}")
    if "working_dir" in table:
        table["working_dir"] = Path(table["working_dir"])
    return Values(**table)
