"""Which gateway is meant: the option, the environment (both in `--gateway`), else the system that runs on the data folder."""

import json
import os
from pathlib import Path

from infra.cli.errors import GatewayUnreachable


def find_gateway(given: str | None, data: Path) -> str:
    """The gateway's URL.

    Raises:
        GatewayUnreachable: none was given, and nothing runs on `data`.
    """
    if given:
        return given
    where = data / "run" / "darkroom.json"
    start = f"`darkroom up{'' if data == Path('.darkroom') else f' --data {data}'}` starts one, --gateway URL names another"
    try:
        said = json.loads(where.read_text())
        gateway, pid = str(said["gateway"]), int(said["pid"])
    except FileNotFoundError as exc:
        raise GatewayUnreachable(f"no Darkroom runs on {data}; {start}") from exc
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise GatewayUnreachable(f"{where} cannot be read; {start}") from exc
    if not is_alive(pid):
        raise GatewayUnreachable(f"the Darkroom of {data} (pid {pid}) runs no more; {start}")
    return gateway


def is_alive(pid: int) -> bool:
    """Whether a process of this pid lives, anybody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
