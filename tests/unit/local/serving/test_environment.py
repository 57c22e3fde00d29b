"""A container's environment and argv, by Kubernetes' rules."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.local.environment import Sources, container_env, expand, inherited
from infra.local.errors import LocalPlatformError
from infra.local.manifest_kinds import Container

_SOURCES = Sources(secrets={"keys": {"A": "secret-a"}}, config_maps={"settings": {"A": "map-a", "URL": "http://far/"}})


def _env(
    *entries: Mapping[str, Any], env_from: tuple[Mapping[str, Any], ...] = (), overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    container = Container(name="c", argv=("true",), env=entries, env_from=env_from, ports=(), ready_path=None)
    return container_env(
        container,
        sources=_SOURCES,
        defaults={"PATH": "/bin"},
        overrides=overrides or {},
        rewrite=lambda text: text.replace("http://far/", "http://near/"),
    )


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("--bind=$(HOST):$(PORT)", "--bind=127.0.0.1:80"),
        ("$(MISSING) stays", "$(MISSING) stays"),
        ("$$(HOST) is not expanded", "$(HOST) is not expanded"),
        ("$HOST, ${HOST} and a lone $ are plain text", "$HOST, ${HOST} and a lone $ are plain text"),
        ("$$$(HOST)", "$127.0.0.1"),  # $$ is $, then the reference
    ],
)
def test_expand(text: str, expanded: str) -> None:
    assert expand(text, {"HOST": "127.0.0.1", "PORT": "80"}) == expanded


def test_order_decides() -> None:
    env_from = ({"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}})
    assert _env(env_from=env_from)["A"] == "secret-a"  # the later source wins
    assert _env({"name": "A", "value": "own"}, env_from=env_from)["A"] == "own"  # env wins over envFrom
    later = _env({"name": "B", "value": "$(C)"}, {"name": "C", "value": "c"}, {"name": "D", "value": "$(C)"})
    assert (later["B"], later["D"]) == ("$(C)", "c")  # only what stands before is known


def test_overrides_win_also_inside_references() -> None:
    env = _env({"name": "PORT", "value": "8080"}, {"name": "SELF", "value": "http://x:$(PORT)"}, overrides={"PORT": "20001"})
    assert (env["PORT"], env["SELF"]) == ("20001", "http://x:20001")


def test_addresses_are_rewritten_wherever_they_come_from() -> None:
    env = _env({"name": "B", "value": "http://far/b"}, env_from=({"configMapRef": {"name": "settings"}},))
    assert (env["URL"], env["B"]) == ("http://near/", "http://near/b")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"secretKeyRef": {"name": "keys", "key": "B"}}, "the secret keys has no key B"),
        ({"secretKeyRef": {"name": "none", "key": "B"}}, "the secret none is neither in the manifests nor in the values"),
        ({"configMapKeyRef": {"name": "settings", "key": "B"}}, "the config map settings has no key B"),
    ],
)
def test_what_nobody_gave_is_said(source: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(LocalPlatformError, match=sentence):
        _env({"name": "X", "valueFrom": source})


def test_optional_may_be_missing() -> None:
    env = _env(
        {"name": "X", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "B", "optional": True}}},
        env_from=({"secretRef": {"name": "none", "optional": True}},),
    )
    assert "X" not in env


def test_nothing_else_leaks_in() -> None:
    assert inherited({"PATH": "/bin", "HOME": "/home", "AWS_SECRET_ACCESS_KEY": "x", "PYTHONPATH": "y"}) == {
        "PATH": "/bin",
        "HOME": "/home",
    }
