"""Who asks, and what a key allows. Pure: how a key is known again is `gateway.service.keys`' business."""

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_TENANT = "default"
"""The house's own: whoever asks without a key where none is needed, and what nobody else's name is on."""


class Scope(StrEnum):
    """What a key may do. None of them implies another."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The caller of one request. `key_id` is None where no key was needed."""

    tenant: str
    key_id: str | None
    scopes: frozenset[Scope]


KEYLESS = Principal(tenant=DEFAULT_TENANT, key_id=None, scopes=frozenset(Scope))
"""Everybody, where the gateway asks for no keys."""
