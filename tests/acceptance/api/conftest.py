"""A system that asks for keys, with one media developed in it: what the API's document is held against."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.acceptance.system import REPOSITORY, System, running

SETTINGS = {
    "REQUIRE_KEYS": "true",
    "KEY_REQUESTS_PER_S": "100000",
    "MAX_UPLOAD_BYTES": str(5 * 2**40),  # S3's largest object: the document's bound is then the gateway's
    "KEY_BYTES_PER_DAY": str(2**62),
}


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The system, a key that may do everything, and the ids of what is there."""

    system: System
    key: str
    media_id: str
    job_id: str
    artifact_id: str
    document: dict[str, Any]


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with running(tmp_path_factory.mktemp("darkroom"), **SETTINGS) as keyless:
        key = make_key(keyless)
        system = replace(keyless, key=key)
        media_id = system.upload(REPOSITORY / "sample_data" / "coffee.png", ("thumbnail", "embed"))
        job = system.job_of(media_id)
        assert job["state"] == "done", job
        yield Guarded(
            system=system, key=key, media_id=media_id, job_id=job["job_id"],
            artifact_id=job["tasks"][0]["artifacts"][0]["artifact_id"], document=system.call("GET", "/openapi.json"),
        )  # fmt: skip


def make_key(system: System, scopes: Sequence[str] = ("read", "write", "admin")) -> str:
    argv = [sys.executable, "-m", "infra.cli.main", "keys", "create", "--name", "test", "--json", "--data", str(system.data)]
    argv += [option for scope in scopes for option in ("--scope", scope)]
    made = subprocess.run(argv, cwd=REPOSITORY, env=os.environ.copy(), capture_output=True, check=True)
    return str(json.loads(made.stdout)["key"])
