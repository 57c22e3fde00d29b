"""The ledger and the store of a system, opened beside it: for what no call of its API does.

They are those of the environment (`DATABASE_URL`, `OBJECT_STORE_URL`, `ATTEMPT_TOKEN_KEY`); what is not set there is that of the data
folder, whose database must be running.
"""

import json
import os
from pathlib import Path

from pydantic import SecretStr, ValidationError

from gateway.bootstrap import Gateway, bootstrap
from gateway.settings import Settings
from infra.cli.errors import GatewayUnreachable

LEDGER = "darkroom"
_SOCKET_LINE = 4  # of postmaster.pid: pid, folder, start, port, socket folder, …


def open_ledger(data: Path) -> Gateway:
    """Database, store and settings, as the gateway's own processes have them.

    Raises:
        GatewayUnreachable: nothing runs on `data`, and the environment does not say where else.
    """
    try:
        settings = Settings(
            database_url=SecretStr(os.environ.get("DATABASE_URL") or embedded_url(data)),
            object_store_url=SecretStr(os.environ.get("OBJECT_STORE_URL") or (data.resolve() / "objects").as_uri()),
            attempt_token_key=SecretStr(
                os.environ.get("ATTEMPT_TOKEN_KEY") or json.loads((data / "secrets.json").read_text())["ATTEMPT_TOKEN_KEY"]
            ),
        )
    except (OSError, LookupError, json.JSONDecodeError) as exc:
        start = "start one with `darkroom up`, or set DATABASE_URL, OBJECT_STORE_URL and ATTEMPT_TOKEN_KEY"
        raise GatewayUnreachable(f"no Darkroom runs on {data}; {start}") from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        raise GatewayUnreachable(f"the setting {'.'.join(map(str, first['loc'])).upper()} is wrong: {first['msg']}") from exc
    return bootstrap(settings)


def embedded_url(data: Path) -> str:
    """The ledger in the embedded server that runs on a data folder, by the note that PostgreSQL itself keeps there.

    Raises:
        OSError, LookupError: none runs.
    """
    lines = (data / "postgres" / "postmaster.pid").read_text().splitlines()
    return f"postgresql://postgres@/{LEDGER}?host={lines[_SOCKET_LINE]}"
