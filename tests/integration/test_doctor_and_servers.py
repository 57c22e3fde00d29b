"""The doctor before a database and a store that answer."""

from pathlib import Path

import pytest

from infra.cli.doctor import parts
from infra.cli.doctor.finding import Weight, in_words
from infra.objects.open import prepare_objects
from tests.parts import running_minio


def test_a_database_that_answers(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    finding = parts.database()
    assert finding.weight is Weight.OK
    assert finding.found.startswith("PostgreSQL ")
    assert finding.found.endswith(", with pgvector")


def test_a_store_that_answers_and_has_its_buckets_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_minio(tmp_path, {}) as minio:
        url = minio.url.replace("://", f"://{minio.access_key}:{minio.secret_key}@")
        monkeypatch.setenv("OBJECT_STORE_URL", url)
        empty = parts.store(tmp_path)
        assert (empty.weight, "no bucket" in empty.found, "`darkroom init`" in empty.mend) == (Weight.MISSING, True, True)
        list(prepare_objects(url, arn=None))
        good = parts.store(tmp_path)
        assert (good.weight, good.found.endswith(minio.url.removeprefix("http://"))) == (Weight.OK, True)
        monkeypatch.setenv("OBJECT_STORE_URL", url.replace(minio.secret_key, "not-the-secret"))
        refused = parts.store(tmp_path)
        assert refused.weight is Weight.MISSING
        assert "not-the-secret" not in in_words(refused)
