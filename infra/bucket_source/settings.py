"""The bucket source's settings, read from the environment once. Names there are the fields' names in capitals."""

import tempfile
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen; a missing or wrong value is one clear error at start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    k_sink: str = Field(description="the broker's ingress (a SinkBinding sets it)")
    webhook_token: SecretStr = Field(description="the bearer token that the store sends", min_length=1)
    quarantine_file: Path = Field(
        default=Path(tempfile.gettempdir()) / "darkroom-quarantine.jsonl", description="where unreadable notifications are kept"
    )
