"""Every setting of the gateway, read from the environment once. Names in the environment are the fields' names in capitals."""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.domain.callbacks import networks


class Settings(BaseSettings):
    """Frozen; a missing or wrong value is one clear error at start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="postgresql://… of the ledger")
    object_store_url: SecretStr = Field(description="file:///folder, or http(s)://ACCESS:SECRET@host:port of an S3 store")
    object_store_public_url: str | None = Field(default=None, description="the store's endpoint as clients see it; presigned URLs name it")
    attempt_token_key: SecretStr = Field(description="key of the attempt tokens, at least 16 characters", min_length=16)
    public_url: str = Field(default="http://localhost:8000", description="the gateway's own origin as clients see it")
    k_sink: str | None = Field(default=None, description="the broker's ingress; the worker needs it (a SinkBinding sets it)")
    autoscaler_metrics_url: str | None = Field(
        default=None, description="Prometheus text with kn_revision_pods_*; without it instances are unknown"
    )
    serving_namespace: str | None = Field(
        default=None, description="the functions' namespace, whose instances are counted; without it those of every namespace are"
    )

    slots: dict[str, int] = Field(
        default={"probe": 8, "thumbnail": 8, "transcode": 2, "embed": 2}, description="attempts that may be out at once, per operation"
    )
    request_limit_s: float = Field(
        default=570, gt=0, le=570, description="a work predicted to take longer goes out on the lane job, where its operation has it"
    )
    job_slots: dict[str, int] = Field(
        default={"transcode": 2},
        description="attempts that may be out at once on the lane job, per operation; one that is not here has no such lane",
    )
    scale_bounds: dict[str, tuple[int, int]] = Field(
        default={"probe": (0, 2), "thumbnail": (0, 2), "transcode": (0, 2), "embed": (0, 2)},
        description="min-scale and max-scale of each function's service, for the statistics",
    )
    webhook_signing_key: SecretStr | None = Field(
        default=None, description="key that every tenant's webhook secret is made of; without it no job may name a callback", min_length=16
    )
    callback_allowed_cidrs: list[str] = Field(
        default=[], description="networks that webhooks may go to though they are not public, as a JSON list"
    )
    lease_s: float = Field(default=20, gt=0, description="a claimed attempt that is silent for longer is ended as infra")
    start_timeout_s: float = Field(default=600, gt=0, description="an attempt not claimed so long after the broker's 202 is ended as infra")
    job_start_timeout_s: float = Field(
        default=1800, gt=0, description="the same on the lane job, whose pod may have to wait for a node and its image"
    )
    awaiting_upload_s: float = Field(default=86_400, gt=0, description="a promised object that has not come by then never will")
    reconcile_every_s: float = Field(default=60, gt=0, description="how often the worker lists the buckets against the ledger")

    originals_retention_s: float | None = Field(
        default=None, gt=0, description="an original is removed so long after it came; its media and artifacts stay"
    )
    outputs_retention_s: float | None = Field(default=None, gt=0, description="artifacts are removed so long after they were made")

    max_upload_bytes: int = Field(default=10 * 2**30, gt=0, description="largest upload")
    header_deadline_s: float = Field(default=10, gt=0, description="all of a request's headers must come in this time")
    body_silence_s: float = Field(default=30, gt=0, description="longest wait for the next piece of a body, or for a client to take ours")
    body_grace_s: float = Field(default=60, gt=0, description="from so long a wait for a body on, BODY_BYTES_PER_S is asked of it")
    body_bytes_per_s: int = Field(default=1024, gt=0, description="least rate of a body, on the average of the time that it was waited for")
    require_keys: bool = Field(
        default=True, description="false: who comes without an API key is the tenant `default`; holds on a loopback address only"
    )
    session_ttl_s: int = Field(default=43_200, gt=0, le=2_592_000, description="how long a browser stays signed in")
    cors_origins: list[Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]] = Field(
        default=[], description="origins whose pages may call the API with a key, as a JSON list, each exact"
    )
    key_requests_per_s: int = Field(default=50, gt=0, description="requests a second of one key, over 10 s, through one process")
    key_concurrency: int = Field(default=64, gt=0, description="requests of one key at once through one process, live streams included")
    key_bytes_per_day: int = Field(default=100 * 2**30, gt=0, description="bytes that one key may upload or be granted in a day (UTC)")
    oidc_audience: str | None = Field(
        default=None, description="the broker-facing listener's audience; where set, events need a token of the cluster's for it"
    )
    oidc_issuer: str = Field(default="https://kubernetes.default.svc.cluster.local", description="who signs those tokens")
    oidc_jwks_url: str | None = Field(default=None, description="where the issuer's keys are; else its discovery document says")
    oidc_ca_file: Path | None = Field(default=None, description="certificates that the issuer's https is held against; else the system's")
    oidc_token_file: Path | None = Field(
        default=None, description="the token that the issuer is asked with, read anew each time: a Kubernetes API server tells nobody else"
    )
    trusted_hosts: list[str] = Field(
        default=[], description="names that a Host header may say, as a JSON list; empty: any, since no link is made of it"
    )
    max_uploads: int = Field(
        default=32, gt=0, description="uploads at once through one process, of one key half as many; each takes some 4 MiB of memory"
    )
    max_queued_tasks: int = Field(default=100_000, gt=0, description="with so many tasks waiting, no more uploads and jobs are taken")
    max_watchers: int = Field(default=500, gt=0, description="clients of one process that may follow jobs live at once")
    host: str = Field(default="127.0.0.1", description="the address that METRICS_PORT is bound to")
    metrics_port: int | None = Field(
        default=None, description="where the public listener and the worker serve /metrics to Prometheus; none: nowhere"
    )
    presign_ttl_s: int = Field(
        default=3600, gt=0, le=604_800, description="how long an artifact's URL, or that of an upload's part, is good"
    )
    grant_ttl_s: int = Field(default=600, gt=0, le=600, description="how long an upload grant is good")

    @property
    def webhook_key(self) -> bytes | None:
        return None if self.webhook_signing_key is None else self.webhook_signing_key.get_secret_value().encode()

    @field_validator("callback_allowed_cidrs")
    @classmethod
    def _are_networks(cls, texts: list[str]) -> list[str]:
        networks(texts)
        return texts

    @cached_property
    def token_key(self) -> bytes:
        return self.attempt_token_key.get_secret_value().encode()
