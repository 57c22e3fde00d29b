"""The runtime's settings: one frozen object, read from the environment once, at the first event."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class BadSetting(ValueError):
    """A variable is missing or makes no sense."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a function needs to know of its surroundings.

    Attributes:
        object_store_url: OBJECT_STORE_URL; see `infra.objects.open`. The only one that must be set.
        gateway_internal_url: GATEWAY_INTERNAL_URL, for claims and heartbeats; without it only events without a token are worked on.
        work_dir: WORK_DIR, where private folders are made; default the system's temporary folder.
        heartbeat_s: HEARTBEAT_S, seconds between two heartbeats; default 1.
        gateway_timeout_s: GATEWAY_TIMEOUT_S, seconds that a heartbeat's answer may take; default 5, well under a lease.
        spare_disk_bytes: SPARE_DISK_BYTES, what must be free beside the original for outputs; default 256 MiB.
        max_upload_bytes: MAX_UPLOAD_BYTES, largest original, also where no gateway saw it come; default 10 GiB.

    SANDBOX_REQUIRED=all, FFMPEG and MEDIA_… belong to `functions.sandbox` and `functions.media`.
    """

    object_store_url: str
    gateway_internal_url: str | None = None
    work_dir: Path = Path(tempfile.gettempdir())
    heartbeat_s: float = 1.0
    gateway_timeout_s: float = 5.0
    spare_disk_bytes: int = 256 << 20
    max_upload_bytes: int = 10 << 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings as the environment has them.

        Raises:
            BadSetting: one is missing or makes no sense.
        """
        url = environment.get("OBJECT_STORE_URL")
        if not url:
            raise BadSetting("OBJECT_STORE_URL is not set")
        return cls(
            object_store_url=url,
            gateway_internal_url=environment.get("GATEWAY_INTERNAL_URL") or None,
            work_dir=Path(environment.get("WORK_DIR") or cls.work_dir),
            heartbeat_s=_positive(environment, "HEARTBEAT_S", cls.heartbeat_s),
            gateway_timeout_s=_positive(environment, "GATEWAY_TIMEOUT_S", cls.gateway_timeout_s),
            spare_disk_bytes=int(_positive(environment, "SPARE_DISK_BYTES", cls.spare_disk_bytes)),
            max_upload_bytes=int(_positive(environment, "MAX_UPLOAD_BYTES", cls.max_upload_bytes)),
        )


def _positive(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name)
    try:
        value = float(text) if text else default
    except ValueError as exc:
        raise BadSetting(f"{name} must be a number, not {text!r}") from exc
    if not 0 < value < float("inf"):
        raise BadSetting(f"{name} must be positive, not {text!r}")
    return value
