"""`darkroom webhook-secret`: where the key comes from."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.domain.webhooks import tenant_secret
from infra.cli.main import main
from infra.cli.secrets import own_secrets


def test_of_the_data_folder_then_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_SIGNING_KEY", raising=False)
    argv = ["webhook-secret", "--data", str(tmp_path)]
    assert CliRunner().invoke(main, argv).exit_code == 3
    key = own_secrets(tmp_path)["WEBHOOK_SIGNING_KEY"]
    assert CliRunner().invoke(main, argv).stdout == tenant_secret(key.encode(), "default") + "\n"
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", "another key, of a cluster")
    said = json.loads(CliRunner().invoke(main, [*argv, "--tenant", "acme", "--json"]).stdout)
    assert said == {"tenant": "acme", "secret": tenant_secret(b"another key, of a cluster", "acme")}
