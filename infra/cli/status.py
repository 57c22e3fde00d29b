"""`darkroom status`: what runs on a data folder, asked of the platform itself."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from infra.cli.errors import GatewayUnreachable


def read_status(data: Path) -> dict[str, Any]:
    """`run/darkroom.json`, and each function's instances under `functions`.

    Raises:
        GatewayUnreachable: nothing runs there, or it does not answer.
    """
    try:
        found: dict[str, Any] = json.loads((data / "run" / "darkroom.json").read_text())
        with urllib.request.urlopen(found["metrics"] + "/instances", timeout=5) as answer:  # noqa: S310  (our own address)
            found["functions"] = json.load(answer)
    except (OSError, ValueError, KeyError, urllib.error.URLError) as exc:
        raise GatewayUnreachable(f"no Darkroom runs on {data}; `darkroom up --data {data}` starts one") from exc
    return found


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The same for people: what runs, of which kind, and where: addresses, then pids."""
    return [
        *((name, "address", str(found[name])) for name in ("gateway", "dashboard", "broker")),
        ("up", "process", str(found["pid"])),
        *(
            (name, row["kind"], ", ".join(str(instance["pid"]) for instance in row["instances"]) or "none")
            for name, row in sorted(found["functions"].items())
        ),
    ]
