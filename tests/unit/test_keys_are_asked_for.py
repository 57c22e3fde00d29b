"""No manifest and no container opens the gateway to whoever has no key: REQUIRE_KEYS is true where nothing says otherwise."""

from pathlib import Path

import pytest

from gateway.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOYED = [*(REPOSITORY / "knative").rglob("*.yaml"), *(REPOSITORY / "infra").rglob("*.yaml"), *(REPOSITORY / "infra").rglob("Dockerfile")]


def test_the_default_asks() -> None:
    assert Settings.model_fields["require_keys"].default is True


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_deployed_says_otherwise(path: Path) -> None:
    assert "REQUIRE_KEYS" not in path.read_text()
