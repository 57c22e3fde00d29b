"""`darkroom init` against a real PostgreSQL and every kind of store: what it leaves, when repeated too, and what it says when it cannot."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pg8000.native
import pytest
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from infra.cli.init import InitFailed, InitSettings, init
from infra.objects import s3_setup
from infra.objects.names import BUCKETS
from infra.objects.open import open_objects
from infra.objects.port import StoreUnavailable
from infra.objects.s3_setup import ARN
from tests.integration.objects.conftest import Endpoint, free_port, moto_endpoint, running_minio

__all__ = ["moto_endpoint"]  # a fixture of this module too
UPLOADS = {"s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload"}


def run(database_url: str, store_url: str, arn: str = ARN) -> list[str]:
    said: list[str] = []
    init(InitSettings(database_url=database_url, object_store_url=store_url, notification_arn=arn), said.append)
    return said


@pytest.fixture
def minio(tmp_path: Path) -> Iterator[Endpoint]:
    """A MinIO as the compose file sets it up: one webhook target, whose receiver need not be there yet."""
    (tmp_path / "queue").mkdir()
    target = {"ENABLE": "on", "ENDPOINT": f"http://127.0.0.1:{free_port()}/", "QUEUE_DIR": str(tmp_path / "queue")}
    with running_minio(tmp_path / "data", {f"MINIO_NOTIFY_WEBHOOK_{name}_DARKROOM": value for name, value in target.items()}) as endpoint:
        yield endpoint


def announced(client: Any) -> list[tuple[str, set[str]]]:
    found = client.get_bucket_notification_configuration(Bucket="media").get("QueueConfigurations", [])
    return [(queue["QueueArn"], set(queue["Events"])) for queue in found]


def test_minio(database_url: str, minio: Endpoint) -> None:
    said = run(database_url, minio.objects_url)
    assert f"bucket media: uploads are announced to {ARN}" in said
    assert {"bucket media: made", "bucket outputs: made"} <= set(said)
    client = minio.boto()
    assert {bucket["Name"] for bucket in client.list_buckets()["Buckets"]} == {"media", "outputs"}
    assert announced(client) == [(ARN, UPLOADS)]
    assert "QueueConfigurations" not in client.get_bucket_notification_configuration(Bucket="outputs")
    assert "Status" not in client.get_bucket_versioning(Bucket="media")
    open_objects(minio.objects_url).ready()
    client.put_object(Bucket="media", Key="theirs.jpg", Body=b"kept")
    again = run(database_url, minio.objects_url)
    no_rule = [
        f"bucket {bucket}: the store takes no rule for unfinished uploads (MinIO ends them by itself, after 24 h)" for bucket in BUCKETS
    ]
    assert set(no_rule) <= set(said)
    assert again == ["ledger: at the newest migration", *no_rule, "ready"]
    assert client.get_object(Bucket="media", Key="theirs.jpg")["Body"].read() == b"kept"


def test_a_rule_that_is_wrong_is_not_taken_for_one_that_the_store_does_not_know(
    database_url: str, minio: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MinIO has one code for both."""
    [rule] = s3_setup._LIFECYCLE.rules
    wrong = Rule(rule.status, rule_filter=rule.rule_filter, rule_id="x" * 256, expiration=Expiration(days=1))
    monkeypatch.setattr(s3_setup, "_LIFECYCLE", LifecycleConfig([wrong]))
    with pytest.raises(InitFailed) as refused:
        run(database_url, minio.objects_url)
    assert isinstance(refused.value.__cause__, StoreUnavailable)
    assert "ID length is limited to 255 characters" in str(refused.value.__cause__.__cause__)


def test_what_was_changed_by_hand_is_put_right(database_url: str, minio: Endpoint) -> None:
    run(database_url, minio.objects_url)
    client = minio.boto()
    client.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
    everything = {"QueueConfigurations": [{"QueueArn": ARN, "Events": ["s3:ObjectCreated:*"]}]}
    client.put_bucket_notification_configuration(Bucket="media", NotificationConfiguration=everything)
    said = run(database_url, minio.objects_url)
    assert "bucket media: versioning suspended" in said
    assert client.get_bucket_versioning(Bucket="media")["Status"] == "Suspended"
    assert announced(client) == [(ARN, UPLOADS)]


def test_a_target_that_the_store_does_not_have(database_url: str, minio: Endpoint) -> None:
    with pytest.raises(InitFailed, match="no notification target arn:minio:sqs::OTHER:webhook") as refused:
        run(database_url, minio.objects_url, arn="arn:minio:sqs::OTHER:webhook")
    assert refused.value.exit_code == 4


def test_a_store_that_knows_the_lifecycle_rule(database_url: str, moto_endpoint: Endpoint) -> None:
    """moto takes it, as AWS and Ceph do; MinIO refuses it and has a clock of its own."""
    run(database_url, moto_endpoint.objects_url, arn="")
    client = moto_endpoint.boto()
    for bucket in ("media", "outputs"):
        [rule] = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert (rule["Status"], rule["AbortIncompleteMultipartUpload"]) == ("Enabled", {"DaysAfterInitiation": 1})
        assert "Expiration" not in rule
    assert run(database_url, moto_endpoint.objects_url, arn="") == ["ledger: at the newest migration", "ready"]


def test_a_folder(database_url: str, tmp_path: Path) -> None:
    store = (tmp_path / "objects").as_uri()
    assert run(database_url, store) == ["ledger: at the newest migration", "bucket media: made", "bucket outputs: made", "ready"]
    open_objects(store).ready()
    assert run(database_url, store) == ["ledger: at the newest migration", "ready"]


def test_the_ledger_is_there(database_url: str, tmp_path: Path) -> None:
    run(database_url, (tmp_path / "objects").as_uri())
    folder = database_url.partition("host=")[2]
    name = database_url.partition("@/")[2].partition("?")[0]
    with pg8000.native.Connection("postgres", unix_sock=f"{folder}/.s.PGSQL.5432", database=name) as connection:
        assert connection.run("select count(*) from media") == [[0]]


@pytest.mark.parametrize("what", ["database", "store"])
def test_nobody_there(database_url: str, tmp_path: Path, what: str) -> None:
    database = f"postgresql://postgres@127.0.0.1:{free_port()}/none" if what == "database" else database_url
    store = f"http://key:secret-of-mine@127.0.0.1:{free_port()}" if what == "store" else (tmp_path / "objects").as_uri()
    with pytest.raises(InitFailed) as failed:
        run(database, store)
    assert failed.value.exit_code == 3
    assert "secret-of-mine" not in str(failed.value)


def test_the_command_names_what_is_not_set() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "OBJECT_STORE_URL")}
    done = subprocess.run([sys.executable, "-m", "infra.cli.main", "init"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "darkroom: set DATABASE_URL, OBJECT_STORE_URL; see docs/configuration.md\n"


def test_for_programs_it_is_one_document(database_url: str, tmp_path: Path) -> None:
    environment = os.environ | {"DATABASE_URL": database_url, "OBJECT_STORE_URL": (tmp_path / "store").as_uri()}
    argv = [sys.executable, "-m", "infra.cli.main", "init", "--json"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"said": ["ledger: at the newest migration", "bucket media: made", "bucket outputs: made", "ready"]}
