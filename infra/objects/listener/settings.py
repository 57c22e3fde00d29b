"""The listener's settings, read from the environment once. Names there are the fields' names in capitals."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen; a missing or wrong value is one clear error at start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    object_store_url: str = Field(description="file:///folder: the store to serve", pattern="^file:///")
    object_store_public_url: str = Field(default="http://localhost:9000", description="this listener's origin as clients see it")
    public_url: str = Field(default="http://localhost:8000", description="the gateway's origin, whose pages may use this one by script")
    webhook_url: str = Field(description="where notifications go: the bucket source")
    webhook_token: SecretStr = Field(description="the bearer token that the bucket source asks for")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=9000, ge=0, le=65_535, description="port to listen on")
    scan_every_s: float = Field(default=60, gt=0, description="how often the folder is listed for files that nobody announced")
    settle_s: float = Field(default=2, gt=0, description="a file that changed less than this ago may still be growing")
