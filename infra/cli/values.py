"""The one table that the manifests leave open, for this machine: addresses, secrets, and settings out of the environment."""

import os
from pathlib import Path

from gateway.settings import Settings as GatewaySettings
from infra.cli.options import REPOSITORY
from infra.cli.ports import HOST, free_port, is_free
from infra.cli.secrets import own_secrets
from infra.local.values import Values
from infra.objects.listener.settings import Settings as ListenerSettings

NOT_PASSED_ON = frozenset(
    {"DATABASE_URL", "OBJECT_STORE_URL", "OBJECT_STORE_PUBLIC_URL", "PUBLIC_URL", "WEBHOOK_URL"}
    | {"ATTEMPT_TOKEN_KEY", "WEBHOOK_TOKEN", "WEBHOOK_SIGNING_KEY"}
    | {"K_SINK", "AUTOSCALER_METRICS_URL", "HOST", "PORT", "METRICS_PORT"}
)
"""What this table says itself, or the platform does."""
KEYLESS = {"REQUIRE_KEYS": "false", "TRUSTED_HOSTS": '["127.0.0.1", "localhost"]'}
"""On the loopback nobody needs a key; a web page whose own name leads there (DNS rebinding) is turned away by that name."""
STORE_PORT = "store-port"
"""The folder store's listener's: URLs of artifacts name it."""
SOURCE_PORT = "bucket-source-port"
"""The bucket source's, where the store is one of your own: its webhook has to know it."""
OF_FUNCTIONS = ("MEDIA_", "OPENCLIP_", "SANDBOX_REQUIRED", "FFMPEG", "HEARTBEAT_S", "GATEWAY_TIMEOUT_S", "SPARE_DISK_BYTES")


def local_values(data: Path, port: int, database_url: str) -> Values:
    """The table.

    Args:
        data: the data folder, whose secrets and store are used.
        port: the gateway's.
    """
    given = os.environ.get("OBJECT_STORE_URL")
    listener = None if given else kept_port(data / STORE_PORT)
    store_url = given or (data / "objects").as_uri()
    public_store = os.environ.get("OBJECT_STORE_PUBLIC_URL") or (without_credentials(given) if given else f"http://{HOST}:{listener}")
    return Values(
        database_url=database_url,
        secrets={"darkroom": {"DATABASE_URL": database_url, "OBJECT_STORE_URL": store_url, **own_secrets(data)}},
        config_maps={
            "darkroom": {"PUBLIC_URL": f"http://{HOST}:{port}", "OBJECT_STORE_PUBLIC_URL": public_store, **KEYLESS, **passed_on()},
            "darkroom-functions": {name: value for name, value in os.environ.items() if name.startswith(OF_FUNCTIONS)},
        },
        ports={"gateway": port, **({"object-store": listener} if listener else {"bucket-source": kept_port(data / SOURCE_PORT)})},
        working_dir=REPOSITORY,
    )


def passed_on() -> dict[str, str]:
    """Settings of the gateway and of the folder store's listener that the environment of `darkroom up` may set."""
    names = {name.upper() for settings in (GatewaySettings, ListenerSettings) for name in settings.model_fields} - NOT_PASSED_ON
    return {name: os.environ[name] for name in sorted(names) if name in os.environ}


def kept_port(file: Path) -> int:
    """The port of the last time if it is free, so that URLs handed out then, or told to a store, still lead there."""
    port = int(file.read_text()) if file.exists() else 0
    if not port or not is_free(port):
        port = free_port()
        file.write_text(str(port))
    return port


def without_credentials(url: str) -> str:
    """The endpoint of `http://ACCESS:SECRET@host:port?…`."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
