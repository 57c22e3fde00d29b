"""A container's environment and argv, as Kubernetes would make them: envFrom, then env in order, `$(VAR)` expanded.

Pure. What comes from the outside is handed in: the platform's own words (PORT, K_SERVICE, …), the values, the address book.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.local.errors import LocalPlatformError
from infra.local.manifest_kinds import Container

_REFERENCE = re.compile(r"\$(?:\$|\(([-._a-zA-Z0-9]+)\))")
# What a process needs to find its tools and speak its language, and where to send its traces; nothing else of the platform's gets in.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` by the variable's value, `$$` by `$`; a name that is not there stays as written (Kubernetes' rule)."""

    def replace(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of the platform's own environment that its children get."""
    return {name: value for name, value in environ.items() if name in _INHERITED or name.startswith("OTEL_")}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What one namespace's containers may refer to: secrets and config maps by name, then key."""

    secrets: Mapping[str, Mapping[str, str]]
    config_maps: Mapping[str, Mapping[str, str]]


def container_env(
    container: Container, *, sources: Sources, defaults: Mapping[str, str], overrides: Mapping[str, str], rewrite: Callable[[str], str]
) -> dict[str, str]:
    """The whole environment of one container.

    `defaults` are there before the manifest's own, `overrides` win over it, also inside `$(VAR)`; `rewrite` makes addresses local.
    Raises LocalPlatformError for a secret, config map or key that nobody gave.
    """
    env = {**defaults, **overrides}

    def put(name: str, value: str) -> None:
        env[name] = overrides[name] if name in overrides else rewrite(value)

    for source in container.env_from:
        for ref, tables, what in (("configMapRef", sources.config_maps, "config map"), ("secretRef", sources.secrets, "secret")):
            if ref in source:
                for name, value in _table(tables, source[ref], what).items():
                    put(name, value)
    for entry in container.env:
        if "valueFrom" not in entry:
            put(entry["name"], expand(entry.get("value") or "", env))
            continue
        given = _value_from(entry["valueFrom"], sources)
        if given is not None:
            put(entry["name"], given)
        elif entry["name"] not in overrides:
            env.pop(entry["name"], None)
    return env


def _value_from(source: Mapping[str, Mapping[str, object]], sources: Sources) -> str | None:
    for ref, tables, what in (("configMapKeyRef", sources.config_maps, "config map"), ("secretKeyRef", sources.secrets, "secret")):
        if ref in source:
            table, key = _table(tables, source[ref], what), str(source[ref]["key"])
            if key in table:
                return table[key]
            if source[ref].get("optional"):
                return None
            raise LocalPlatformError(f"the {what} {source[ref]['name']} has no key {key}")
    raise LocalPlatformError("valueFrom needs a secretKeyRef or a configMapKeyRef")


def _table(tables: Mapping[str, Mapping[str, str]], ref: Mapping[str, object], what: str) -> Mapping[str, str]:
    table = tables.get(str(ref["name"]))
    if table is None and not ref.get("optional"):
        raise LocalPlatformError(f"the {what} {ref['name']} is neither in the manifests nor in the values")
    return table or {}
